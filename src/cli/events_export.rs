//! `mrrd events export`: the log as lines that `mrrd replay` takes back.

use std::io::Write as _;

use super::{Failure, Outcome, progress::progress_bar};
use crate::{
    event::Seq,
    history::export::{self, Counts, ExportError},
    store::log::{EventFilter, ReadLog},
};

pub(super) async fn run(log: &ReadLog, filter: &EventFilter, after: Seq) -> Outcome {
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let bar = progress_bar();
    let mut lines = 0_u64;
    let exported = export::run(log, filter, after, |line| {
        lines += 1;
        if lines.is_multiple_of(1000) {
            bar.set_message(format!("{lines} events"));
        }
        out.write_all(line)
    });
    let exported = exported.await;
    bar.finish_and_clear();
    let Counts { exported, erased } = match exported {
        Ok(counts) => counts,
        Err(ExportError::Write(error)) => return Err(error.into()),
        Err(error) => return Err(Failure::Failed(format!("the export stopped: {error}"))),
    };
    out.flush()?;
    eprintln!("mrrd: {exported} events exported");
    if erased > 0 {
        eprintln!("mrrd: {erased} more were erased and have no body");
    }
    Ok(())
}
