//! The pure part of votes: limits, who may vote, what the ballots say, and the texts (contract section 7).

use std::collections::BTreeSet;

use crate::rules::DAY_S;
use crate::rules_text::Checked;
use crate::types::{Electorate, MemberRole};

pub const OPTIONS_MIN: usize = 2;
pub const OPTIONS_MAX: usize = 20;
pub const CLOSES_IN_SECONDS_MAX: u32 = 30 * DAY_S;
pub const OPEN_VOTES_OF_ONE_MAX: usize = 5;
pub const OPEN_VOTES_IN_CHANNEL_MAX: usize = 20;
pub const MEMBERS_MAX: usize = 10_000;

pub const TOO_MANY_MEMBERS: &str = "A server with more than 10000 members has no votes.";
pub const TOO_MANY_OPEN_VOTES: &str = "You have 5 open votes already.";
pub const TOO_MANY_OPEN_VOTES_HERE: &str = "This channel has 20 open votes already.";
pub const NO_ELECTOR: &str = "You are not an elector of this vote.";
pub const CANCEL_BY_CREATOR_OR_MODERATOR: &str =
    "Only its creator, moderators, admins and the owner may cancel a vote.";

/// Refuses fewer than OPTIONS_MIN and more than OPTIONS_MAX options.
pub fn check_option_count(options: &[String]) -> Checked {
    if !(OPTIONS_MIN..=OPTIONS_MAX).contains(&options.len()) {
        return Err(format!("A vote must have {OPTIONS_MIN} to {OPTIONS_MAX} options."));
    }
    Ok(())
}

/// Refuses two options that are alike.
pub fn check_options_differ(options: &[String]) -> Checked {
    if options.iter().collect::<BTreeSet<_>>().len() < options.len() {
        return Err("An option stands twice in this vote.".into());
    }
    Ok(())
}

/// Refuses a quorum of nobody.
pub fn check_quorum_at_least_one(quorum: u32) -> Checked {
    if quorum < 1 {
        return Err("A quorum must be at least 1.".into());
    }
    Ok(())
}

/// Refuses a vote that is not open for 1 to CLOSES_IN_SECONDS_MAX seconds.
pub fn check_closes_in_seconds(closes_in_seconds: u32) -> Checked {
    if !(1..=CLOSES_IN_SECONDS_MAX).contains(&closes_in_seconds) {
        return Err("A vote must last 1 second to 30 days.".into());
    }
    Ok(())
}

/// Refuses a quorum that is more than may vote.
pub fn check_quorum_can_be_met(quorum: u32, electors: u32) -> Checked {
    if quorum > electors {
        return Err(format!("The quorum of {quorum} is more than the number of electors ({electors})."));
    }
    Ok(())
}

/// Tells whether a member with this role is of this electorate: by role, not by what a profile says.
pub fn is_of(electorate: Electorate, role: MemberRole) -> bool {
    match electorate {
        Electorate::Members => true,
        Electorate::Humans => role != MemberRole::Agent,
        Electorate::Agents => role == MemberRole::Agent,
    }
}

/// Returns how many ballots each option got; a choice that is no option counts for none.
pub fn tally_of(choices: impl Iterator<Item = u32>, options: usize) -> Vec<u32> {
    let mut tally = vec![0; options];
    for choice in choices {
        if let Some(count) = tally.get_mut(choice as usize) {
            *count += 1;
        }
    }
    tally
}

/// Returns the option with most ballots; None below the quorum or with a tie.
pub fn outcome_of(tally: &[u32], quorum: u32) -> Option<u32> {
    let most = tally.iter().max()?;
    let mut first = tally.iter().enumerate().filter(|(_, count)| *count == most).map(|(option, _)| option);
    let option = first.next()?;
    if tally.iter().sum::<u32>() < quorum || first.next().is_some() {
        return None;
    }
    u32::try_from(option).ok()
}

/// Refuses a choice that the vote does not have; options count from 0.
pub fn check_choice(choice: u32, options: usize) -> Checked {
    if choice as usize >= options {
        return Err(format!("The options of this vote are 0 to {}.", options.saturating_sub(1)));
    }
    Ok(())
}

/// Returns the refusal for what only an open vote allows.
pub fn is_closed(vote_id: u64) -> String {
    format!("Vote {vote_id} is closed.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_ballots_win_with_a_quorum_and_without_a_tie() {
        assert_eq!(tally_of([0, 2, 2].into_iter(), 3), [1, 0, 2]);
        assert_eq!(outcome_of(&[1, 0, 2], 3), Some(2));
        assert_eq!(outcome_of(&[1, 0, 2], 4), None);
        assert_eq!(outcome_of(&[2, 0, 2], 1), None);
        assert_eq!(outcome_of(&[0, 0], 0), None);
        assert_eq!(outcome_of(&[], 0), None);
    }

    #[test]
    fn agents_are_known_by_their_role() {
        let kinds = |role| [Electorate::Members, Electorate::Humans, Electorate::Agents].map(|kind| is_of(kind, role));
        assert_eq!(kinds(MemberRole::Agent), [true, false, true]);
        assert_eq!(kinds(MemberRole::Owner), [true, true, false]);
    }
}
