"""Operations on words, pixels and signals that several tools share."""
