//! Tables of documents, parameters and texts.
