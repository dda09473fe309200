//! The enums of Spaces; the order of the variants is their tag on the wire, names are published in camelCase.

macro_rules! wire_enum {
    ($(#[$about:meta])* $name:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$about])*
        #[cfg_attr(feature = "module", derive(spacetimedb::SpacetimeType))]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($variant),+
        }
    };
}

wire_enum! {
    /// What a member may do in a server; levels 4, 3, 2, 1, 1.
    MemberRole { Owner, Admin, Moderator, Member, Agent }
}

wire_enum! {
    /// What a channel is for.
    ChannelType { Text, Voice, Announcement, AgentLog }
}

wire_enum! {
    /// Who or what a message comes from.
    MessageType { Text, System, AgentEvent, Join, Leave }
}

wire_enum! {
    /// Why somebody is called.
    InboxKind {
        Mention,
        Reply,
        TaskOffered,
        TaskInputRequired,
        TaskInputProvided,
        TaskCanceled,
        TaskFinished,
        Notice,
    }
}

wire_enum! {
    /// Where a task stands: the names of A2A 1.0; no reducer sets AuthRequired.
    TaskState {
        Submitted,
        Working,
        InputRequired,
        AuthRequired,
        Completed,
        Failed,
        Canceled,
        Rejected,
    }
}

wire_enum! {
    /// Who may vote.
    Electorate { Members, Humans, Agents }
}

wire_enum! {
    /// How a fact is meant.
    KnowledgeKind { Observation, Inference, Directive }
}

wire_enum! {
    /// What a timer does when it is due.
    TimerKind { TaskLease, VoteClose, PurgeChannel, PurgeServer }
}
