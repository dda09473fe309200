//! Every table of Spaces; contract.md section 2 has the reasons.

mod attention;
mod channels;
mod coordination;
mod messages;
mod servers;
mod system;
mod users;

pub use attention::*;
pub use channels::*;
pub use coordination::*;
pub use messages::*;
pub use servers::*;
pub use system::*;
pub use users::*;
