//! The pure part of knowledge: who may publish, supersede and retract, and the texts (contract section 7).

use crate::rules_text::Checked;
use crate::types::KnowledgeKind;

pub const DIRECTIVES_BY_MODERATORS: &str =
    "Only persons who are moderators, admins or the owner may publish directives.";
pub const DIRECTIVES_REPLACED_BY_MODERATORS: &str =
    "Only persons who are moderators, admins or the owner may supersede a directive.";
pub const VERIFIED_REPLACED_BY: &str =
    "Only its author, its verifier and persons who are moderators, admins or the owner may supersede a verified row.";
pub const NOT_YOUR_OWN: &str = "You cannot verify what you published yourself.";
pub const RETRACT_BY_AUTHOR_OR_MODERATOR: &str =
    "Only its author and persons who are moderators, admins or the owner may retract this.";
pub const DIRECTIVES_RETRACTED_BY_MODERATORS: &str =
    "Only persons who are moderators, admins or the owner may retract a directive.";

/// Who stands behind a row, whatever identities are.
pub struct Authority<Identity> {
    pub kind: KnowledgeKind,
    pub author: Identity,
    pub verified_by: Option<Identity>,
}

/// Tells whether a row is what its key stands for now.
pub fn is_current(superseded_by: u64, retracted: bool) -> bool {
    superseded_by == 0 && !retracted
}

/// Returns the refusal for who would supersede another row than the current one; 0 = there is none.
pub fn current_is(current_id: u64) -> String {
    format!("The current row of this key is {current_id}.")
}

/// Returns the refusal for what only a current row allows.
pub fn not_current(knowledge_id: u64) -> String {
    format!("Knowledge {knowledge_id} is not current.")
}

/// Refuses a directive of somebody who may not direct.
pub fn check_may_publish(kind: KnowledgeKind, is_moderating_person: bool) -> Checked {
    if kind == KnowledgeKind::Directive && !is_moderating_person {
        return Err(DIRECTIVES_BY_MODERATORS.into());
    }
    Ok(())
}

/// Refuses who may not put another row in the place of the current one.
pub fn check_may_supersede<I: PartialEq>(current: &Authority<I>, caller: &I, is_moderating_person: bool) -> Checked {
    if is_moderating_person {
        return Ok(());
    }
    if current.kind == KnowledgeKind::Directive {
        return Err(DIRECTIVES_REPLACED_BY_MODERATORS.into());
    }
    match &current.verified_by {
        Some(verifier) if caller != verifier && *caller != current.author => Err(VERIFIED_REPLACED_BY.into()),
        _ => Ok(()),
    }
}

/// Refuses who may not take a row back.
pub fn check_may_retract<I: PartialEq>(row: &Authority<I>, caller: &I, is_moderating_person: bool) -> Checked {
    if is_moderating_person {
        return Ok(());
    }
    if row.kind == KnowledgeKind::Directive {
        return Err(DIRECTIVES_RETRACTED_BY_MODERATORS.into());
    }
    if row.author != *caller {
        return Err(RETRACT_BY_AUTHOR_OR_MODERATOR.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verified_row_is_replaced_by_its_author_its_verifier_or_a_moderating_person() {
        let row = |kind, verified_by| Authority { kind, author: 1, verified_by };
        let verified = row(KnowledgeKind::Inference, Some(2));
        assert!(check_may_supersede(&verified, &1, false).is_ok());
        assert!(check_may_supersede(&verified, &2, false).is_ok());
        assert!(check_may_supersede(&verified, &3, true).is_ok());
        assert_eq!(check_may_supersede(&verified, &3, false).unwrap_err(), VERIFIED_REPLACED_BY);
        assert!(check_may_supersede(&row(KnowledgeKind::Inference, None), &3, false).is_ok());
        let directive = row(KnowledgeKind::Directive, None);
        assert_eq!(check_may_supersede(&directive, &1, false).unwrap_err(), DIRECTIVES_REPLACED_BY_MODERATORS);
    }
}
