"""Window statistics of prices that merge and never subtract."""
