//! What runs next, and what did we learn?
//!
//! ```text
//!            ┌──────────────── dispatcher ────────────────┐
//!  Plan ───► │ Scheduler::on(Input) ─► Output::Start ─────┼──► Runner (such as Pool)
//!            │        ▲                Output::Record ────┼──► Observer, FlowRunView
//!            │        └── Input::Ended ◄──────────────────┼─── TaskRunReport
//!            └────────────────────────────────────────────┘
//! ```
//!
//! The [`scheduler`] is a pure state machine: no I/O, no clock, no threads. The [`dispatcher`] moves its inputs and outputs, on
//! the threads of the runners themselves: there is no thread of its own between the end of one task run and the start of the
//! next. The [`pool`] is the runner of this process: threads that compute, while waiting task runs hold none. The [`view`] is
//! what the events of a flow run add up to, and a [`replay`] what they know of an earlier part of it.
//!
//! Start reading at [`scheduler`].

mod answered;
pub mod dispatcher;
mod input;
pub mod pool;
pub mod replay;
pub mod scheduler;
mod timer;
pub mod view;

pub use answered::{Answered, Answerer, Answers};
pub use dispatcher::{FlowRun, FlowRunOptions, FlowRunReport, Runners, Stopper, runner_choices, start_flow_run};
pub use pool::{OnThreadStart, Pool, PoolOptions};
pub use replay::{IllegalEvent, Paths, Replay};
pub use scheduler::Scheduler;
pub use view::{FailedRun, FlowRunView, TaskReport};
