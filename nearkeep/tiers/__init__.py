"""What becomes of a mutation: the pipeline (L1) and all below it. Reads the engine's stream alone."""
