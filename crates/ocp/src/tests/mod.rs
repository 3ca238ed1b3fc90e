//! Links and hosts against RFC 4037, each alone and both together, without time; and what only TCP can show.

mod alone;
mod auxiliary;
mod body;
mod both;
mod coded;
mod connections;
mod failing;
mod head_of_line;
mod length;
mod memory;
mod negotiation;
mod notes;
mod offering;
mod parts;
mod prediction;
mod retry;
mod services;
mod stopping;
mod tcp;
mod used_up;
mod whole;
