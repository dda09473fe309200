//! Votes: open, cast, cancel; closing is in vote_changes.rs (contract section 7).

use spacetimedb::{reducer, ReducerContext, Table};

use crate::audit::About;
use crate::coordination_access::vote_of;
use crate::rows::later;
use crate::keys::keyed;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::{Electorate, TimerKind};
use crate::{
    access, audit, budget, keys, rules, rules_coordination, rules_text, talk, timers, vote_changes, vote_rules,
};

/// Refuses one open vote too many, and servers that are too big for votes; returns the members of the server.
fn check_counts(ctx: &ReducerContext, channel_id: u64, server_id: u64) -> Checked<Vec<ServerMember>> {
    let votes = ctx.db.vote();
    if votes.by_creator_closed().filter((ctx.sender(), false)).count() >= vote_rules::OPEN_VOTES_OF_ONE_MAX {
        return Err(vote_rules::TOO_MANY_OPEN_VOTES.into());
    }
    if votes.by_channel_id_closed().filter((channel_id, false)).count() >= vote_rules::OPEN_VOTES_IN_CHANNEL_MAX {
        return Err(vote_rules::TOO_MANY_OPEN_VOTES_HERE.into());
    }
    let rows = ctx.db.server_member().server_id().filter(server_id);
    let members: Vec<ServerMember> = rows.take(vote_rules::MEMBERS_MAX + 1).collect();
    if members.len() > vote_rules::MEMBERS_MAX {
        return Err(vote_rules::TOO_MANY_MEMBERS.into());
    }
    Ok(members)
}

/// Asks the members, persons or agents of a server; who may post Text in the channel may.
///
/// Electors are those who are members of that kind now.
#[reducer]
#[allow(clippy::too_many_arguments)] // the contract's
pub fn open_vote(
    ctx: &ReducerContext,
    channel_id: u64,
    question: String,
    options: Vec<String>,
    electorate: Electorate,
    quorum: u32,
    closes_in_seconds: u32,
    client_key: Option<String>,
) -> Checked {
    access::caller(ctx)?;
    rules_coordination::check_question(&question)?;
    vote_rules::check_option_count(&options)?;
    for option in &options {
        rules_coordination::check_option(option)?;
    }
    vote_rules::check_options_differ(&options)?;
    vote_rules::check_quorum_at_least_one(quorum)?;
    vote_rules::check_closes_in_seconds(closes_in_seconds)?;
    rules_text::check_client_key(&client_key)?;
    let call = keyed!(
        open_vote, client_key;
        channel_id, question, options, electorate, quorum, closes_in_seconds, client_key
    );
    if keys::is_repeat(ctx, &call)? {
        return Ok(());
    }
    let (channel, member) = access::channel_of(ctx, channel_id)?;
    access::check_not_muted(ctx, channel.server_id)?;
    talk::check_may_post(&channel, &member)?;
    let members = check_counts(ctx, channel_id, channel.server_id)?;
    // At most MEMBERS_MAX.
    let electors = members.iter().filter(|row| vote_rules::is_of(electorate, row.role)).count() as u32;
    vote_rules::check_quorum_can_be_met(quorum, electors)?;
    budget::spend(ctx)?;

    let closes_at = later(ctx.timestamp, i64::from(closes_in_seconds) * rules::SECOND_US);
    let vote = ctx.db.vote().insert(Vote {
        id: 0,
        server_id: channel.server_id,
        channel_id,
        creator: ctx.sender(),
        question,
        options,
        electorate,
        electors,
        quorum,
        closes_at,
        ballots: 0,
        closed: false,
        tally: Vec::new(),
        outcome: None,
        member_id_max: members.iter().map(|row| row.id).max().unwrap_or(0),
        created_at: ctx.timestamp,
    });
    timers::arm(ctx, TimerKind::VoteClose, vote.id, closes_at);
    let members =
        vec![("question", (&vote.question).into()), ("options", (&vote.options).into()), ("quorum", quorum.into())];
    vote_changes::announce(ctx, &vote, ctx.sender(), "vote.opened", members)?;
    keys::record(ctx, call, vote.id);
    Ok(())
}

/// Chooses an option by its position; a second ballot replaces the first, the last elector's closes the vote.
#[reducer]
pub fn cast_ballot(ctx: &ReducerContext, vote_id: u64, choice: u32) -> Checked {
    access::caller(ctx)?;
    let (vote, member) = vote_of(ctx, vote_id)?;
    if member.id > vote.member_id_max || !vote_rules::is_of(vote.electorate, member.role) {
        return Err(vote_rules::NO_ELECTOR.into());
    }
    let ballots = ctx.db.ballot();
    let before = ballots.by_voter_vote_id().filter((ctx.sender(), vote_id)).next();
    if before.as_ref().is_some_and(|before| before.choice == choice) {
        return Ok(());
    }
    if vote.closed || ctx.timestamp >= vote.closes_at {
        return Err(vote_rules::is_closed(vote_id));
    }
    vote_rules::check_choice(choice, vote.options.len())?;

    let cast_at = ctx.timestamp;
    if let Some(before) = before {
        ballots.id().update(Ballot { choice, cast_at, ..before });
        return Ok(());
    }
    ballots.insert(Ballot { id: 0, vote_id, server_id: vote.server_id, voter: ctx.sender(), choice, cast_at });
    let vote = ctx.db.vote().id().update(Vote { ballots: vote.ballots.saturating_add(1), ..vote });
    if vote.ballots == vote.electors {
        timers::disarm(ctx, TimerKind::VoteClose, vote_id);
        vote_changes::close_vote(ctx, vote)?;
    }
    Ok(())
}

/// Closes a vote without outcome or tally; its creator and Moderators and above may. Again changes nothing.
#[reducer]
pub fn cancel_vote(ctx: &ReducerContext, vote_id: u64) -> Checked {
    access::caller(ctx)?;
    let (vote, member) = vote_of(ctx, vote_id)?;
    if vote.creator != ctx.sender() && !access::is_moderator(&member) {
        return Err(vote_rules::CANCEL_BY_CREATOR_OR_MODERATOR.into());
    }
    if vote.closed && vote.tally.is_empty() {
        return Ok(());
    }
    if vote.closed {
        return Err(vote_rules::is_closed(vote_id));
    }

    let vote = ctx.db.vote().id().update(Vote { closed: true, ..vote });
    timers::disarm(ctx, TimerKind::VoteClose, vote_id);
    vote_changes::announce(ctx, &vote, ctx.sender(), "vote.canceled", vec![])?;
    let about = About { channel_id: vote.channel_id, object_id: vote_id, ..About::default() };
    audit::note(ctx, vote.server_id, "vote.canceled", about);
    Ok(())
}
