//! What happens to votes with all that belongs to it: closing, ballots that go with their voters, the timer.

use spacetimedb::{Identity, ReducerContext};

use crate::coordination_access::{announce_in, is_there};
use crate::events::{event_content, EventValue};
use crate::rows::by_number;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::TimerKind;
use crate::{access, timers, vote_rules};

/// Sends an event about the vote, whose id is its first member, into the vote's channel.
pub fn announce(
    ctx: &ReducerContext,
    vote: &Vote,
    sender: Identity,
    event: &str,
    members: Vec<(&str, EventValue)>,
) -> Checked {
    let mut all = vec![("vote", vote.id.into())];
    all.extend(members);
    announce_in(ctx, vote.channel_id, None, sender, event_content(event, &all))?;
    Ok(())
}

/// Counts the ballots of an open vote, stores what they say and tells the channel; its timer is left alone.
pub fn close_vote(ctx: &ReducerContext, vote: Vote) -> Checked {
    let ballots = ctx.db.ballot().vote_id().filter(vote.id);
    let tally = vote_rules::tally_of(ballots.map(|ballot| ballot.choice), vote.options.len());
    let outcome = vote_rules::outcome_of(&tally, vote.quorum);
    let vote = ctx.db.vote().id().update(Vote { closed: true, tally, outcome, ..vote });
    let members = vec![
        ("outcome", vote.outcome.into()),
        ("ballots", vote.ballots.into()),
        ("electors", vote.electors.into()),
        ("tally", (&vote.tally).into()),
    ];
    announce(ctx, &vote, access::deployment(ctx)?.system, "vote.closed", members)
}

/// Closes the vote if its time is over, or looks again when it will be; what is gone or closed is left alone.
pub fn run_vote_timer(ctx: &ReducerContext, vote_id: u64) -> Checked {
    let Some(vote) = ctx.db.vote().id().find(vote_id) else {
        return Ok(());
    };
    if vote.closed || !is_there(ctx, vote.channel_id, vote.server_id) {
        return Ok(());
    }
    if ctx.timestamp < vote.closes_at {
        timers::rearm(ctx, TimerKind::VoteClose, vote_id, vote.closes_at);
        return Ok(());
    }
    close_vote(ctx, vote)
}

/// Removes a former member's ballots in the open votes of a server, in id order.
pub fn drop_open_ballots(ctx: &ReducerContext, identity: Identity, server_id: u64) {
    for ballot in by_number(ctx.db.ballot().voter().filter(identity), |ballot| ballot.id) {
        if ballot.server_id == server_id {
            drop_if_open(ctx, ballot);
        }
    }
}

/// Removes the ballots in all open votes of a person who became an agent, in id order.
pub fn drop_ballots_everywhere(ctx: &ReducerContext, identity: Identity) {
    for ballot in by_number(ctx.db.ballot().voter().filter(identity), |ballot| ballot.id) {
        drop_if_open(ctx, ballot);
    }
}

fn drop_if_open(ctx: &ReducerContext, ballot: Ballot) {
    if let Some(vote) = ctx.db.vote().id().find(ballot.vote_id) {
        if !vote.closed {
            ctx.db.ballot().id().delete(ballot.id);
            ctx.db.vote().id().update(Vote { ballots: vote.ballots.saturating_sub(1), ..vote });
        }
    }
}
