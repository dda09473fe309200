//! Client keys: a call that was made with one counts once, for ever (contract section 4).

use sha2::{Digest, Sha256};
use spacetimedb::{sats::bsatn, ReducerContext, Serialize, Table};

use crate::rules;
use crate::rules_text::Checked;
use crate::tables::*;

/// A call that was made with a client key.
pub struct Keyed {
    client_key: String,
    reducer: &'static str,
    digest: Vec<u8>,
}

impl Keyed {
    /// Begins with the reducer's name and a zero byte; the arguments follow in order.
    pub fn begin(reducer: &'static str) -> Sha256 {
        Sha256::new().chain_update(reducer).chain_update([0])
    }

    /// Takes one argument into the digest as BSATN: a product is its elements one after the other.
    pub fn take<T: Serialize>(digest: &mut Sha256, argument: &T) -> Checked {
        digest.update(bsatn::to_vec(argument).map_err(|error| error.to_string())?);
        Ok(())
    }

    /// Ends with all arguments taken.
    pub fn end(client_key: &str, reducer: &'static str, digest: Sha256) -> Self {
        Keyed { client_key: client_key.into(), reducer, digest: digest.finalize().to_vec() }
    }
}

/// Returns what keys.is_repeat and keys.record ask for: None without a client key. The arguments stand in order.
macro_rules! keyed {
    ($reducer:ident, $client_key:expr; $($argument:expr),+ $(,)?) => {
        match $crate::rules_text::present(&$client_key) {
            None => None,
            Some(client_key) => {
                let mut digest = $crate::keys::Keyed::begin(stringify!($reducer));
                $($crate::keys::Keyed::take(&mut digest, &$argument)?;)+
                Some($crate::keys::Keyed::end(client_key, stringify!($reducer), digest))
            }
        }
    };
}

pub(crate) use keyed;

/// Tells whether the caller made this very call before; refuses a key that belongs to another call. Step 3.
pub fn is_repeat(ctx: &ReducerContext, call: &Option<Keyed>) -> Checked<bool> {
    let Some(call) = call else {
        return Ok(false);
    };
    let keys = ctx.db.idempotency_key();
    let Some(known) = keys.by_sender_client_key().filter((ctx.sender(), &call.client_key)).next() else {
        return Ok(false);
    };
    if known.digest != call.digest {
        return Err(rules::CLIENT_KEY_REUSED.into());
    }
    Ok(true)
}

/// Keeps a fresh key with the id of the row that its call made; nothing without a key.
pub fn record(ctx: &ReducerContext, call: Option<Keyed>, ref_id: u64) {
    if let Some(call) = call {
        ctx.db.idempotency_key().insert(IdempotencyKey {
            id: 0,
            sender: ctx.sender(),
            client_key: call.client_key,
            action: call.reducer.into(),
            ref_id,
            digest: call.digest,
            created_at: ctx.timestamp,
        });
    }
}
