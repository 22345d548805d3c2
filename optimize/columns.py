"""Sums of columns of a covariance."""

from stats.compiled import FloatArray, inlined, lean_kernel


@inlined
def add_multiple(amount: float, row: FloatArray, out: FloatArray) -> None:
    """Add a multiple of a row."""
    for k in range(out.shape[0]):
        out[k] += amount * row[k]


@lean_kernel
def weigh_columns(covariance: FloatArray, weights: FloatArray, gradient: FloatArray) -> None:
    """Compute Sigma w afresh: four columns of held assets at a time, in order."""
    gradient[:] = 0.0
    a = b = c = held = 0
    for d in range(weights.shape[0]):
        if weights[d] == 0.0:
            continue
        held += 1
        if held == 1:
            a = d
        elif held == 2:
            b = d
        elif held == 3:
            c = d
        else:
            held = 0
            p, q, r, s = weights[a], weights[b], weights[c], weights[d]
            f0, f1, f2, f3 = covariance[a], covariance[b], covariance[c], covariance[d]
            # One load and store of the sum for four products.
            for x in range(gradient.shape[0]):
                gradient[x] = gradient[x] + (p * f0[x] + q * f1[x]) + (r * f2[x] + s * f3[x])
    if held >= 1:
        add_multiple(weights[a], covariance[a], gradient)
    if held >= 2:
        add_multiple(weights[b], covariance[b], gradient)
    if held == 3:
        add_multiple(weights[c], covariance[c], gradient)
