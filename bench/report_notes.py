"""How to read each benchmark's figures: a few lines before its table."""

NOTES = {
    "kernels": (
        "Same input for all contenders of a case, their results compared before any is timed; "
        "compilation excluded; one thread each. Times are the process's own: what neighbours "
        "take from a shared machine does not count.",
        "Rolling moments after every tick: ours and add_evict take one tick at a time, of all "
        "assets in turn, ours with moments of slopes too; polars and bottleneck have the whole "
        "series at once, which no live program has, and bottleneck has no third and fourth "
        "moment. add_evict keeps running sums of powers; what that costs in digits stands under "
        "drift. The bound reads a price, takes its logarithm and writes four results. Called for "
        "each tick: two calls from Python to ours, and for bottleneck, which sums the whole "
        "window anew.",
        "Drift is the largest error of windows of 1000 after 200 000 updates (with --full 10 000 "
        "000), read at 300 places, in bounds of what rounding alone explains: with kappa = "
        "sqrt(1 + mean^2 / variance), 20 eps kappa of a variance, 40 eps kappa (kurtosis + 3) of "
        "a kurtosis, 8e-15 kappa of a covariance. The reference is computed in two passes in "
        "extended precision. All but ours get our exact log returns. 1e15 stands for no number "
        "at all.",
        "Worst updates are by the wall clock. Which update is slow is known beforehand (a pivot is "
        "new, a span turns), so the same ones are repeated, each counts with its quickest "
        "repetition, and percentiles are over them: an interruption does not count, a pause that "
        "each repetition has does. The tick's include two calls from Python, to push and to read; "
        "the row's are of the push alone, and with a read of the whole matrix. Histograms of all "
        "are in the JSON and the HTML report.",
        "Covariance: ours, add_evict and the bound go through the rows in one compiled loop, the "
        "triangles as warm as the last call left them; beside it ours called from Python row by "
        "row. Each writes the whole matrix at a read; numbagg, called once, writes one a row. "
        "add_evict is Welford's update and its inverse in one pass over a triangle. The bound "
        "multiplies each row once by BLAS and writes each matrix once.",
        "Cloud: random portfolios of n, n/2, n/4 ... 1 of the assets, in ours 8 to 128 portfolios "
        "of a size share their assets. Peers make the same mixture, each portfolio with assets of "
        "its own, and multiply all n weights with the covariance; or, which takes numpy less, "
        "portfolios of all assets, a cloud without edges and corners. The bound is the product of "
        "the held weights with their covariances alone, by BLAS in float32, the weights there "
        "already and one set of assets a size; ours multiplies in float64.",
        "Maximum Sharpe ratio of n assets: by solve(), which checks its inputs. Cold and one row "
        "later: what an engine runs for a decision. The row before has means and covariances of "
        "its own; ours begins with its weights, daqp with its model, and daqp's constraints are "
        "made before the time begins. Peers check nothing. PyPortfolioOpt and skfolio are asked in "
        "figures of a year: of those of a row the first takes up to six times as long. Active "
        "sets (daqp, NNLS) are held to 1e-12 of the ratio, the others to what they reach. "
        "Optimality gaps are bounds by duality: what is missed is less.",
        "Draw and solve: skfolio 1.12 and riskfolio-lib 7.4 have no resampled portfolio. Their "
        "bootstraps (BootstrapMuUncertaintySet; wc_stats, which alone calls bootstrapping and "
        "normal_simulation) make sets of uncertainty for one robust portfolio. So the peers are "
        "scipy's inverse Wishart with NNLS, and draws by numpy and LAPACK with daqp or with NNLS, "
        "which takes the draw's triangular root as it is.",
    ),
    "storage": (
        "Wall-clock times of one writer that waits for each answer. A batch counts when it is on "
        "the disk: SQLite with synchronous = FULL, Cassandra as its commit log is set.",
        "The bound is the same driver sending the same rows, and nothing else: it looks up no "
        "known ids and lets no row count.",
    ),
    "ingest": (
        "From the first message to the last of a topic that is there already: consumed, decoded, "
        "admitted, and in the windows of each symbol's last 1000 ticks. A process of its own for "
        "each turn; its start does not count, a poll that finds the first message does.",
        "The bound is our own fetch alone: contents and offsets copied in whole batches and not "
        "looked into. So it is none for a better fetch. "
        "confluent-kafka and aiokafka with msgspec do what a user would write: a typed struct a "
        "tick, checks, rolling moments by numpy at the end; so does quixstreams, in an "
        "environment of its own, with its JSON deserializer and one function called a tick.",
    ),
    "scale": (
        "Sizes take turns within each repetition, all windows full. An exponent is that of one "
        "step from a size to the next, log(time / time) / log(size / size); it may exceed its "
        "order by 0.5, as what no longer fits a cache is fetched from the next.",
        "Processor time, but for whole decisions on workers, which is by the wall clock.",
        "Ticks a second that admission and windows alone take, without Kafka, are the inverse of a "
        "tick's time in a batch that lies in memory. They are no rate of the pipeline: that also "
        "fetches and decides, see `bench ingest` and `bench pipeline --saturation`.",
    ),
    "memory": (
        "All parts as processes on the embedded broker and SQLite, 20 ticks a second of each asset "
        "and four rows a second, method resample of 64 draws, engine local, the API asked every "
        "2 s. The peak is that of a process's resident memory (VmHWM), shared libraries included.",
    ),
    "start": (
        "From the start of the process `silverbullet run` to its first decision being heard, on "
        "the embedded broker, whose topic holds 303 rows of 50 assets: method resample, engine "
        "local, a fresh process and fresh topics each time.",
        "Stages are told by the log of `run` and the decision's own times; the first is nearly all "
        "imports of libraries. Bytecode is kept wherever Python "
        "may write beside its packages; without (PYTHONDONTWRITEBYTECODE, a read-only image "
        "that was not compiled) each start compiles a thousand modules anew.",
    ),
    "overload": (
        "Ten times the ticks a second that could be decided one by one, one decision for all that "
        "has come meanwhile. An age is from the instant a tick was due to the first decision that "
        "covers it being made. The runs are the quarters of the time, and every quarter is judged. "
        "A single age is that of one tick, over the median solve of its quarter: about one and a "
        "half where a tick waits for the solve under way and then for its own.",
    ),
    "saturation": (
        "The rate doubles until ticks grow older, from being due to the decision that covers it "
        "arriving, by 0.05 seconds a second or more (a queue that is fed faster than it is "
        "emptied), within what counts or since the step began, or until what sends them falls back "
        "as much; then the step is halved, as ratios, until it is 12 %. Each rate is played anew "
        "to a process that has just started, its windows full. Method exact, a decision as soon as "
        "the one before is made, for all ticks that came meanwhile.",
        "Generator, broker, contender and listener share the processors of this machine: it is "
        "the rate at which all of them together keep pace. The relay decides nothing. Packed "
        "ticks come a thousand a message, each due with the last of them. The limits, beside the "
        "machine, say what gave way first: decisions that fell behind, or a rate that could not be "
        "offered.",
    ),
    "pipeline": (
        "Times run from the instant a tick was due (open loop, Poisson) to the arrival of the "
        "first decision that covers it.",
        "Each case names its broker. Of the embedded one (librdkafka's mock) the latency is not "
        "Kafka's: only the ratio to the relay and our own part say something about this program.",
        "The relay is the same client: it drains what is there and sends one 2 kB message a "
        "wake-up, deciding nothing; our decisions are five times that. It is measured once a run "
        "and stands beside each method. The libraries stand in our loop, with our windows and "
        "estimates, and send 2 kB: only the solver is theirs.",
        "The method resample spends both processors on draws, its two workers at the priority of "
        "broker and generator: what those take, and the generator's lag, grow by that.",
        "Stages follow one another: kafka in (producer, broker, consumer), update (decode, admit, "
        "digest), wait (read the windows, estimate), solve, publish (write the decision and its "
        "digest; of draws, merge them), kafka out (encode, producer, broker, receiver). Own part "
        "is all between the consumer's wake-up and the decision being made; made and total begin "
        "when the tick was due and end at the decision made, and arrived.",
    ),
}
