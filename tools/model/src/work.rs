//! The steps of workers, and what follows when they end: the workflow continues, or a message is processed.

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
    money::{self, Goal, Provider},
    mutation::Mutation,
    state::{Checkout, Delivery, Job, Message, Progress, Worker, now},
    stock,
    workflow::{Task, Workflow},
};

/// The workflow's name for the error of a function that died.
pub const FUNCTION_DIED: &str = "Lambda.Unknown";

/// The workflow's name for the error of a provider that does not respond.
pub const PROVIDER_UNAVAILABLE: &str = "PaymentUnavailable";

/// The rules of the model.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The checkout workflow.
    pub workflow: Workflow,
    /// The rule that is broken.
    pub mutation: Option<Mutation>,
    /// Whether other functions may run between the reads, calls and writes of a function, or only between functions.
    pub small_steps: bool,
}

/// The outcome of a step.
enum Outcome {
    Continues(Progress),
    /// The function ends, with success or with the error that the workflow catches.
    Ends(Result<(), &'static str>),
}

/// What a worker does after a step.
enum Next {
    Continues(Job, Progress),
    Ends,
}

impl Rules {
    /// Returns the start of an execution.
    pub fn execution(&self) -> Worker {
        Worker {
            job: Job::Execution { state: self.workflow.start.clone(), failure: None },
            progress: Progress::Started,
        }
    }

    /// Takes the next step of worker `at`, without a fault.
    pub fn step(&self, stock: &mut Stock, checkout: &mut Checkout, at: usize) {
        let Worker { job, progress } = checkout.workers.remove(at);
        let next = match self.work(stock, checkout, &job, &progress, Provider::Responds) {
            Outcome::Continues(progress) => Next::Continues(job, progress),
            Outcome::Ends(result) => self.after_end(checkout, job, result),
        };
        place(checkout, next);
    }

    /// Lets the function of worker `at` die, before or after its next step. It is retried, unless this was the last
    /// attempt.
    pub fn die(&self, stock: &mut Stock, checkout: &mut Checkout, at: usize, is_after: bool, is_last: bool) {
        let Worker { job, progress } = checkout.workers.remove(at);
        if is_after {
            self.work(stock, checkout, &job, &progress, Provider::Responds);
        }
        let next = self.after_fault(checkout, job, FUNCTION_DIED, is_last);
        place(checkout, next);
    }

    /// Lets the call of the provider in the next step of worker `at` time out.
    pub fn time_out(&self, stock: &mut Stock, checkout: &mut Checkout, at: usize, arrives_later: bool, is_last: bool) {
        let Worker { job, progress } = checkout.workers.remove(at);
        let next = match self.work(stock, checkout, &job, &progress, Provider::TimesOut { arrives_later }) {
            Outcome::Continues(progress) => Next::Continues(job, progress),
            Outcome::Ends(Ok(())) => self.after_end(checkout, job, Ok(())),
            Outcome::Ends(Err(error)) => self.after_fault(checkout, job, error, is_last),
        };
        place(checkout, next);
    }

    /// Returns whether the next step calls the provider.
    pub fn is_about_to_ask(&self, checkout: &Checkout, worker: &Worker) -> bool {
        let read = Progress::HasPayment(checkout.payment.clone());
        let progress = if self.small_steps { &worker.progress } else { &read };
        self.goal(&worker.job).is_some_and(|goal| money::is_about_to_ask(checkout, goal, progress, self.mutation))
    }

    /// Returns whether a failure with `error` may be that of the last attempt: for a step of the workflow that is
    /// retried, both are possible, and a message is always delivered again.
    pub fn attempts(&self, job: &Job, error: &str) -> &'static [bool] {
        match job {
            Job::Execution { state, .. } if self.workflow.is_retried(state, error) => &[false, true],
            Job::Execution { .. } => &[true],
            _ => &[false],
        }
    }

    /// Takes one small step, or all steps to the end.
    fn work(
        &self,
        stock: &mut Stock,
        checkout: &mut Checkout,
        job: &Job,
        progress: &Progress,
        provider: Provider,
    ) -> Outcome {
        let mut outcome = self.advance(stock, checkout, job, progress, provider);
        while let Outcome::Continues(progress) = &outcome
            && !self.small_steps
        {
            outcome = self.advance(stock, checkout, job, &progress.clone(), provider);
        }
        outcome
    }

    fn advance(
        &self,
        stock: &mut Stock,
        checkout: &mut Checkout,
        job: &Job,
        progress: &Progress,
        provider: Provider,
    ) -> Outcome {
        if let Some(goal) = self.goal(job) {
            return match money::advance(checkout, goal, progress, provider, self.mutation) {
                money::Outcome::Continues(progress) => Outcome::Continues(progress),
                money::Outcome::Ends(result) => Outcome::Ends(result.map_err(name::<PaymentsError>)),
            };
        }
        if let Some(done) = self.write_at_once(stock, checkout, job) {
            return Outcome::Ends(done);
        }
        let Progress::HasOrder(read) = progress else {
            // `OrdersReplicatePayment` updates its replica first. It goes on only if the sale has lost its payment.
            return match job {
                Job::Message(message @ (Message::PaymentProcessed | Message::PaymentFailed))
                    if !log::apply_payment_event(checkout, *message) =>
                {
                    Outcome::Ends(Ok(()))
                }
                _ => Outcome::Continues(Progress::HasOrder(checkout.order.clone())),
            };
        };
        let Some(command) = self.command(checkout, job, read) else {
            return Outcome::Ends(Ok(()));
        };
        match log::append(checkout, read, command, self.mutation) {
            Err(refusal) => Outcome::Ends(Err(name(OrdersError::Refused(refusal)))),
            Ok(Appended::Conflict) => Outcome::Continues(Progress::HasOrder(checkout.order.clone())),
            // `CancelOrder` fails if the order is sold after its command.
            Ok(Appended::Done(order)) if self.task(job) == Some(Task::CancelOrder) && order.is_sold() => {
                Outcome::Ends(Err("SaleStands"))
            }
            Ok(Appended::Done(_)) => Outcome::Ends(Ok(())),
        }
    }

    /// Carries out a job that is a single write. Returns `None` for other jobs.
    fn write_at_once(&self, stock: &mut Stock, checkout: &mut Checkout, job: &Job) -> Option<Result<(), &'static str>> {
        let name = name::<InventoryError>;
        Some(match (self.task(job), job) {
            (Some(Task::ReserveStock), _) => stock::reserve(stock, checkout, self.mutation).map_err(name),
            (Some(Task::ReleaseStock), _) | (_, Job::Message(Message::ReleaseStock)) => {
                stock::release(stock, checkout, self.mutation);
                Ok(())
            }
            (_, Job::Message(Message::CommitStock)) => stock::commit(stock, checkout).map_err(name),
            (Some(Task::DeferCheckout), _) => {
                checkout.deferred = true;
                Ok(())
            }
            (Some(Task::ParkOrder), _) => {
                checkout.parked = true;
                Ok(())
            }
            (_, Job::Message(Message::StartCheckout)) => {
                checkout.workers.push(self.execution());
                Ok(())
            }
            _ => return None,
        })
    }

    /// Returns the job's command for the order, or `None` if there is nothing to do.
    fn command(&self, checkout: &Checkout, job: &Job, read: &Order) -> Option<Command> {
        match job {
            Job::Execution { failure, .. } if self.task(job) == Some(Task::CancelOrder) => {
                Some(ending(&Failure { error: failure.unwrap_or_default().to_owned(), cause: String::new() }))
            }
            Job::Execution { .. } => Some(Command::Confirm { payment_id: read.id_of_payment() }),
            Job::Message(Message::EndExpired) => Some(log::expired(checkout)),
            Job::Message(Message::PaymentFailed) => {
                Some(Command::Cancel { reason: contracts::CancelReason::PaymentDeclined })
            }
            Job::CustomerCancel => Command::by_hand(Status::Cancelled),
            Job::EndUnpaid => read.unpaid(now(), 0).map(|reason| Command::Fail { reason }),
            Job::Message(_) | Job::GiveUp => None,
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
            (Some(Task::CapturePayment), _) | (_, Job::Message(Message::CaptureConfirmed)) => Some(Goal::Capture),
            (Some(Task::VoidPayment), _) | (_, Job::Message(Message::UndoCancelled)) => Some(Goal::Undo),
            (_, Job::GiveUp) => Some(Goal::GiveUp),
            _ => None,
        }
    }

    /// Returns what follows when a job ends.
    fn after_end(&self, checkout: &mut Checkout, job: Job, result: Result<(), &'static str>) -> Next {
        match (job, result) {
            (Job::Execution { state, failure }, Ok(())) => self.enter(self.workflow.next(&state), failure),
            (Job::Execution { state, failure }, Err(error)) => self.catch(&state, failure, error),
            (Job::Message(Message::CaptureConfirmed), Err(error)) if error == capture_refused() => {
                match self.mutation {
                    Some(Mutation::NoGiveUp) => acknowledge(checkout, Message::CaptureConfirmed),
                    _ => Next::Continues(Job::GiveUp, Progress::Started),
                }
            }
            (Job::GiveUp, Ok(())) => acknowledge(checkout, Message::CaptureConfirmed),
            (Job::Message(message), Ok(())) => acknowledge(checkout, message),
            // A message that was not processed is delivered again.
            (Job::Message(_) | Job::GiveUp, Err(_)) | (Job::CustomerCancel | Job::EndUnpaid, _) => Next::Ends,
        }
    }

    /// Returns what follows when a fault interrupts a job.
    fn after_fault(&self, checkout: &mut Checkout, job: Job, error: &'static str, is_last: bool) -> Next {
        match job {
            Job::Execution { state, failure } if is_last => self.catch(&state, failure, error),
            Job::Execution { .. } => Next::Continues(job, Progress::Started),
            job => self.after_end(checkout, job, Err(FUNCTION_DIED)),
        }
    }

    fn catch(&self, state: &str, failure: Option<&'static str>, error: &'static str) -> Next {
        match self.workflow.caught(state, error) {
            Some(caught) => self.enter(Some(caught.next), if caught.sets_failure { Some(error) } else { failure }),
            None => Next::Ends,
        }
    }

    fn enter(&self, state: Option<Arc<str>>, failure: Option<&'static str>) -> Next {
        match state.filter(|state| self.workflow.task(state).is_some()) {
            Some(state) => Next::Continues(Job::Execution { state, failure }, Progress::Started),
            None => Next::Ends,
        }
    }
}

fn acknowledge(checkout: &mut Checkout, message: Message) -> Next {
    checkout.messages.insert(message, Delivery::Processed);
    Next::Ends
}

fn place(checkout: &mut Checkout, next: Next) {
    if let Next::Continues(job, progress) = next {
        checkout.workers.push(Worker { job, progress });
    }
    checkout.sort_workers();
}

/// Returns the name by which the workflow catches an error.
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
