"""Portfolio optimisation: exact solves, Monte Carlo blocks and the engines that run them."""
