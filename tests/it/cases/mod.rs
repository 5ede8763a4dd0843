//! Cases made from public reports, each with the value that is right (`tests/data/cases`).

mod heal;
