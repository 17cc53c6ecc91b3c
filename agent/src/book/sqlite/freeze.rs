//! Accounts that somebody stopped, and what lets them go on.

use bursar_core::approval::{AskedLift, Code, Freeze, Lift, NotCounted, Signed, Tally, one_more, tally};
use bursar_core::name::Name;
use bursar_core::policy::Denial;
use bursar_core::time::Timestamp;
use serde_json::value::RawValue;

use super::BookStore;
use crate::book::hex::Hex;
use crate::book::pending::Stopped;
use crate::book::record::{self, Record};
use crate::book::view::State;
use crate::book::{Agreement, inbox};
use crate::store::StoreError;

impl BookStore {
    /// Why nothing leaves this account, if it is frozen.
    pub(super) fn frozen(&self, account: &Name) -> Option<Denial> {
        self.pending.frozen(account, &self.policy)
    }

    /// See [`crate::book::Book::freeze`].
    pub fn freeze(&mut self, freeze: &Signed<Freeze>) -> Result<Agreement, StoreError> {
        let now = self.now();
        // Behind a suspect clock the book's time stands still: that is no reason not to stop.
        let latest = now.max(crate::clock::wall());
        if let Err(why) = Freeze::admit(freeze, self.policy.roster(), self.home, latest) {
            return Ok(Agreement::NotCounted(why));
        }
        let statement = freeze.statement();
        let refuse = |code, why: String| NotCounted { approver: statement.approver.clone(), code, why };
        if !self.policy.freezers().contains(&statement.approver) {
            let why = format!("{} is not one of those who may freeze an account", statement.approver);
            return Ok(Agreement::NotCounted(refuse(Code::UnknownKey, why)));
        }
        let stopped = self.pending.frozen.get(&statement.account);
        let by = &statement.approver;
        if stopped.is_some_and(|known| known.freeze.statement().approver == *by || known.others.contains(by))
        {
            return Ok(Agreement::Settled);
        }
        if self.pending.freezes.contains(&freeze.digest()) {
            let why = "this freeze was taken before, and each stops an account once: sign a new one";
            return Ok(Agreement::NotCounted(refuse(Code::Repeated, why.to_owned())));
        }
        // Also where somebody else has stopped it: shown again after that was lifted, it does nothing.
        let account = statement.account.clone();
        let envelope = self.raw(freeze.to_json())?;
        self.append_pending(&Record::Frozen(record::Frozen { at: now, account, envelope }))?;
        Ok(Agreement::Settled)
    }

    /// See [`crate::book::Book::lift`].
    pub fn lift(&mut self, lift: &Signed<Lift>) -> Result<Agreement, StoreError> {
        let now = match self.watch.time() {
            Ok(now) => now,
            Err(suspect) => return Ok(Agreement::Suspect(suspect)),
        };
        let account = lift.statement().account.clone();
        let Some(stopped) = self.pending.frozen.get(&account) else { return Ok(Agreement::Unknown) };
        let asked = self.asked_lift(&account, stopped);
        let freeze = asked.freeze;
        let counted = match one_more(self.policy.roster(), &asked, now, &stopped.lifts, lift) {
            Ok(counted) => counted,
            Err(why) => return Ok(Agreement::NotCounted(why)),
        };
        let envelope = self.raw(lift.to_json())?;
        let voted = record::Frozen { at: now, account: account.clone(), envelope };
        self.append_pending(&Record::LiftVoted(voted))?;
        if !self.policy.lift_need().is_met(&counted.approved) {
            return Ok(Agreement::Counted);
        }
        self.append_pending(&Record::Lifted(record::Lifted { at: now, account, freeze }))?;
        Ok(Agreement::Settled)
    }

    fn asked_lift(&self, account: &Name, stopped: &Stopped) -> AskedLift {
        AskedLift { home: self.home, account: account.clone(), freeze: Hex(stopped.freeze.digest()) }
    }

    /// Who lets it go on by what counts now.
    fn lifted_by(&self, account: &Name, stopped: &Stopped, now: Timestamp) -> Tally {
        tally(self.policy.roster(), &self.asked_lift(account, stopped), now, &stopped.lifts)
    }

    /// After another bundle came into force: who has let an account go on may be enough by it.
    pub(super) fn reconsider_frozen(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let need = self.policy.lift_need();
        let enough = |(account, stopped): (&Name, &Stopped)| {
            let counted = self.lifted_by(account, stopped, now);
            let freeze = Hex(stopped.freeze.digest());
            need.is_met(&counted.approved).then(|| record::Lifted {
                at: now,
                account: account.clone(),
                freeze,
            })
        };
        let lifted: Vec<record::Lifted> = self.pending.frozen.iter().filter_map(enough).collect();
        lifted.into_iter().try_for_each(|lifted| self.append_pending(&Record::Lifted(lifted)).map(|_| ()))
    }

    /// What goes on when the account does.
    fn held(&self, account: &Name) -> Vec<u64> {
        let open = self.open.values().map(|open| &open.spend);
        let held = open.filter(|spend| spend.account == *account && spend.state != State::Refused);
        let mut held: Vec<u64> = held.map(|spend| spend.id).collect();
        held.sort_unstable();
        held
    }

    /// See [`crate::book::Book::inbox`].
    pub fn inbox_frozen(&self) -> Vec<inbox::Frozen> {
        let now = self.now();
        let need = self.policy.lift_need();
        let of = |(account, stopped): (&Name, &Stopped)| {
            let freeze = stopped.freeze.statement();
            inbox::Frozen {
                account: account.clone(),
                freeze: Hex(stopped.freeze.digest()),
                envelope: RawValue::from_string(stopped.freeze.to_json()).ok(),
                by: freeze.approver.clone(),
                why: freeze.why.as_str().to_owned(),
                since: freeze.signed,
                need: need.need,
                from: need.from.clone(),
                decided: inbox::decided(&self.lifted_by(account, stopped, now)),
                held: self.held(account),
            }
        };
        self.pending.frozen.iter().map(of).collect()
    }
}
