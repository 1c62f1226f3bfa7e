//! One small step of somebody who is at work, and what follows from its end: the workflow goes on, a message is heard.

use std::sync::Arc;

use inventory::{InventoryError, domain::Stock};
use lambda::task::TaskError;
use orders::{
    OrdersError,
    domain::{Command, Order, Status},
    saga::{Failure, ending},
};
use payments::{PaymentsError, domain::Refusal};

use crate::{
    log::{self, Appended},
    money::{self, Goal, Line},
    mutation::Mutation,
    state::{Job, Letter, Post, Progress, Sale, Worker, now},
    stock,
    workflow::{Task, Workflow},
};

/// What a function that died is called in an execution.
pub const DIED: &str = "Lambda.Unknown";

/// What a provider that does not answer is called there.
pub const UNANSWERED: &str = "PaymentUnavailable";

/// The rules that are walked by.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The checkout workflow.
    pub workflow: Workflow,
    /// What is broken.
    pub mutation: Option<Mutation>,
    /// Whether others may come between a function's reading, asking and writing, or only between functions.
    pub small_steps: bool,
}

/// How somebody's work goes on.
enum Outcome {
    GoesOn(Progress),
    /// Done; or refused, or failed, by the name that the workflow catches it by.
    Ends(Result<(), &'static str>),
}

/// What becomes of who is at work.
enum After {
    GoesOn(Job, Progress),
    Leaves,
}

impl Rules {
    /// The beginning of an execution.
    pub fn execution(&self) -> Worker {
        Worker { job: Job::Execution { state: self.workflow.start.clone(), failure: None }, progress: Progress::Begins }
    }

    /// The next small step of worker `at`, which is not disturbed.
    pub fn step(&self, stock: &mut Stock, sale: &mut Sale, at: usize) {
        let Worker { job, progress } = sale.workers.remove(at);
        let after = match self.work(stock, sale, &job, &progress, Line::Up) {
            Outcome::GoesOn(progress) => After::GoesOn(job, progress),
            Outcome::Ends(result) => self.ended(sale, job, result),
        };
        place(sale, after);
    }

    /// The function dies: after its next small step or before; what it was asked to do is asked again, or not, if it was the last time.
    pub fn dies(&self, stock: &mut Stock, sale: &mut Sale, at: usize, is_after: bool, is_last: bool) {
        let Worker { job, progress } = sale.workers.remove(at);
        if is_after {
            self.work(stock, sale, &job, &progress, Line::Up);
        }
        let after = self.failed(sale, job, DIED, is_last);
        place(sale, after);
    }

    /// The provider, which is asked now, does not answer; its call may arrive later.
    pub fn is_not_answered(&self, stock: &mut Stock, sale: &mut Sale, at: usize, arrives: bool, is_last: bool) {
        let Worker { job, progress } = sale.workers.remove(at);
        let after = match self.work(stock, sale, &job, &progress, Line::Down { arrives }) {
            Outcome::GoesOn(progress) => After::GoesOn(job, progress),
            Outcome::Ends(Ok(())) => self.ended(sale, job, Ok(())),
            Outcome::Ends(Err(error)) => self.failed(sale, job, error, is_last),
        };
        place(sale, after);
    }

    /// Whether the next step asks the provider.
    pub fn is_about_to_ask(&self, sale: &Sale, worker: &Worker) -> bool {
        let read = Progress::HasPayment(sale.payment.clone());
        let progress = if self.small_steps { &worker.progress } else { &read };
        self.goal(&worker.job).is_some_and(|goal| money::is_about_to_ask(sale, goal, progress, self.mutation))
    }

    /// Whether what fails with `error` may have been the last try; a workflow's step may be tried again, or not, a message always is.
    pub fn tries(&self, job: &Job, error: &str) -> &'static [bool] {
        match job {
            Job::Execution { state, .. } if self.workflow.is_retried(state, error) => &[false, true],
            Job::Execution { .. } => &[true],
            _ => &[false],
        }
    }

    /// One small step, or all of them up to the end.
    fn work(&self, stock: &mut Stock, sale: &mut Sale, job: &Job, progress: &Progress, line: Line) -> Outcome {
        let mut outcome = self.advance(stock, sale, job, progress, line);
        while let Outcome::GoesOn(progress) = &outcome
            && !self.small_steps
        {
            outcome = self.advance(stock, sale, job, &progress.clone(), line);
        }
        outcome
    }

    fn advance(&self, stock: &mut Stock, sale: &mut Sale, job: &Job, progress: &Progress, line: Line) -> Outcome {
        if let Some(goal) = self.goal(job) {
            return match money::advance(sale, goal, progress, line, self.mutation) {
                money::Outcome::GoesOn(progress) => Outcome::GoesOn(progress),
                money::Outcome::Ends(result) => Outcome::Ends(result.map_err(name::<PaymentsError>)),
            };
        }
        if let Some(done) = self.at_once(stock, sale, job) {
            return Outcome::Ends(done);
        }
        let Progress::HasOrder(seen) = progress else {
            // What replicate-payment does before it reads: if no money is lost, that is all.
            return match job {
                Job::Letter(letter @ (Letter::Processed | Letter::Failed)) if !log::remember_payment(sale, *letter) => {
                    Outcome::Ends(Ok(()))
                }
                _ => Outcome::GoesOn(Progress::HasOrder(sale.order.clone())),
            };
        };
        let Some(command) = self.command(sale, job, seen) else {
            return Outcome::Ends(Ok(()));
        };
        match log::append(sale, seen, command, self.mutation) {
            Err(refusal) => Outcome::Ends(Err(name(OrdersError::Refused(refusal)))),
            Ok(Appended::Conflict) => Outcome::GoesOn(Progress::HasOrder(sale.order.clone())),
            // As the function itself looks at what it has made of the order.
            Ok(Appended::Done(order)) if self.task(job) == Some(Task::CancelOrder) && order.is_sold() => {
                Outcome::Ends(Err("SaleStands"))
            }
            Ok(Appended::Done(_)) => Outcome::Ends(Ok(())),
        }
    }

    /// What is one write.
    fn at_once(&self, stock: &mut Stock, sale: &mut Sale, job: &Job) -> Option<Result<(), &'static str>> {
        let name = name::<InventoryError>;
        Some(match (self.task(job), job) {
            (Some(Task::ReserveStock), _) => stock::reserve(stock, sale, self.mutation).map_err(name),
            (Some(Task::ReleaseStock), _) | (_, Job::Letter(Letter::PutBack)) => {
                stock::release(stock, sale, self.mutation);
                Ok(())
            }
            (_, Job::Letter(Letter::Settle)) => stock::commit(stock, sale).map_err(name),
            (Some(Task::DeferCheckout), _) => {
                sale.deferred = true;
                Ok(())
            }
            (Some(Task::ParkOrder), _) => {
                sale.parked = true;
                Ok(())
            }
            (_, Job::Letter(Letter::StartCheckout)) => {
                sale.workers.push(self.execution());
                Ok(())
            }
            _ => return None,
        })
    }

    /// What is asked of an order's log; nothing, if there is nothing to do.
    fn command(&self, sale: &Sale, job: &Job, seen: &Order) -> Option<Command> {
        match job {
            Job::Execution { failure, .. } if self.task(job) == Some(Task::CancelOrder) => {
                Some(ending(&Failure { error: failure.unwrap_or_default().to_owned(), cause: String::new() }))
            }
            Job::Execution { .. } => Some(Command::Confirm { payment_id: seen.id_of_payment() }),
            Job::Letter(Letter::Expired) => Some(log::expired(sale)),
            Job::Letter(Letter::Failed) => Some(Command::Cancel { reason: contracts::CancelReason::PaymentDeclined }),
            Job::Regret => Command::by_hand(Status::Cancelled),
            Job::EndUnpaid => seen.unpaid(now(), 0).map(|reason| Command::Fail { reason }),
            Job::Letter(_) | Job::GiveUp => None,
        }
    }

    fn task(&self, job: &Job) -> Option<Task> {
        match job {
            Job::Execution { state, .. } => self.workflow.task(state),
            _ => None,
        }
    }

    fn goal(&self, job: &Job) -> Option<Goal> {
        match (self.task(job), job) {
            (Some(Task::AuthorizePayment), _) => Some(Goal::Authorize),
            (Some(Task::CapturePayment), _) | (_, Job::Letter(Letter::CaptureConfirmed)) => Some(Goal::Capture),
            (Some(Task::VoidPayment), _) | (_, Job::Letter(Letter::UndoCancelled)) => Some(Goal::Undo),
            (_, Job::GiveUp) => Some(Goal::GiveUp),
            _ => None,
        }
    }

    /// Their work has ended.
    fn ended(&self, sale: &mut Sale, job: Job, result: Result<(), &'static str>) -> After {
        match (job, result) {
            (Job::Execution { state, failure }, Ok(())) => self.enter(self.workflow.next(&state), failure),
            (Job::Execution { state, failure }, Err(error)) => self.catch(&state, failure, error),
            (Job::Letter(Letter::CaptureConfirmed), Err(error)) if error == capture_refused() => match self.mutation {
                Some(Mutation::NobodyGivesUp) => hear(sale, Letter::CaptureConfirmed),
                _ => After::GoesOn(Job::GiveUp, Progress::Begins),
            },
            (Job::GiveUp, Ok(())) => hear(sale, Letter::CaptureConfirmed),
            (Job::Letter(letter), Ok(())) => hear(sale, letter),
            // A message is told again.
            (Job::Letter(_) | Job::GiveUp, Err(_)) | (Job::Regret | Job::EndUnpaid, _) => After::Leaves,
        }
    }

    /// Their work was broken off by a fault.
    fn failed(&self, sale: &mut Sale, job: Job, error: &'static str, is_last: bool) -> After {
        match job {
            Job::Execution { state, failure } if is_last => self.catch(&state, failure, error),
            Job::Execution { .. } => After::GoesOn(job, Progress::Begins),
            job => self.ended(sale, job, Err(DIED)),
        }
    }

    fn catch(&self, state: &str, failure: Option<&'static str>, error: &'static str) -> After {
        match self.workflow.caught(state, error) {
            Some(caught) => self.enter(Some(caught.next), if caught.is_told { Some(error) } else { failure }),
            None => After::Leaves,
        }
    }

    fn enter(&self, state: Option<Arc<str>>, failure: Option<&'static str>) -> After {
        match state.filter(|state| self.workflow.task(state).is_some()) {
            Some(state) => After::GoesOn(Job::Execution { state, failure }, Progress::Begins),
            None => After::Leaves,
        }
    }
}

fn hear(sale: &mut Sale, letter: Letter) -> After {
    sale.letters.insert(letter, Post::Heard);
    After::Leaves
}

fn place(sale: &mut Sale, after: After) {
    if let After::GoesOn(job, progress) = after {
        sale.workers.push(Worker { job, progress });
    }
    sale.sort_workers();
}

/// By what name the workflow catches an error.
fn name<E>(error: E) -> &'static str
where
    TaskError: From<E>,
{
    match TaskError::from(error) {
        TaskError::Refused { name, .. } | TaskError::Fault { name, .. } => name,
    }
}

fn capture_refused() -> &'static str {
    name(PaymentsError::Refused(Refusal::CaptureRefused(String::new()), None))
}
