"""How to read each benchmark's figures: short notes of how it measures, beside its table."""

NOTES = {
    "kernels": (
        "Same input for all contenders of a case, and their results compared before any is timed. "
        "Compilation is left out; one thread each. Times are the process's own processor time.",
        "Memory that is freed stays with the process: a library that makes its result anew in each "
        "call finds its pages there, as ours has them.",
        "Rolling moments: ours and add_evict take one tick at a time, of all assets in turn. "
        "polars and bottleneck have the whole series at once, which no live program has.",
        "Of a tick ours writes seven figures (moments of slopes too), add_evict and polars four, "
        "bottleneck two. The bound reads a price, takes its logarithm and writes four.",
        "Called for each tick: ours takes two calls from Python; bottleneck one, which sums the "
        "whole window anew.",
        "Drift is the largest error of windows of 1000, read at 300 places, against two passes in "
        "extended precision. All but ours get our exact log returns. 1e15 stands for no number.",
        "Drift is in bounds of what rounding alone explains. With kappa = sqrt(1 + mean^2 / "
        "variance) they are 20 eps kappa of a variance, 40 eps kappa (kurtosis + 3) of a kurtosis, "
        "8e-15 kappa of a covariance.",
        "Worst updates: which update is slow is known beforehand (a pivot is new, a span turns). "
        "The same ones are repeated and each counts with its quickest repetition, by the wall "
        "clock: an interruption does not count, a pause that each repetition has does.",
        "Covariance: ours, add_evict and the bound go through the rows in one compiled loop and "
        "write the whole matrix at a read; numbagg, called once, writes one a row. add_evict is "
        "Welford's update and its inverse. The bound multiplies each row once by BLAS.",
        "At 10 assets the bound's call of BLAS costs more than its work: there ours, which calls "
        "nothing, can be quicker than it.",
        "Cloud: random portfolios of n, n/2, n/4 ... 1 of the assets; in ours 8 to 128 that hold "
        "nine or more share their assets, others have their own. Peers make the same mixture, or "
        "portfolios of all assets, which takes numpy less: a cloud without edges and corners.",
        "The cloud's bound is the product of the held weights with their covariances by BLAS in "
        "float32, weights there already, one set of assets a size. Ours multiplies in float32 "
        "where 9 or more assets are held, in float64 where fewer, and the half below the diagonal "
        "alone, BLAS all of it: so ours can take less than the bound.",
        "Parts of ticks, rows, draws and clouds are timed alone, hot, in a loop of their own: they "
        "need not add up. What they leave is the rest, told where it is over 5 % of the whole.",
        "A draw's parts: normals, gammas, its factor, its covariance, its solve. A cloud's "
        "weights: drawing them, without return and volatility.",
        "A covariance's push is without any read; its write is a read with nothing to load but one "
        "row; the rest loads two triangles and adds rows. A tick's: push (log return), add (to the "
        "moments from the pivot on), rebuild (those of older ticks, at a new pivot or block), "
        "merge (both, seven figures written).",
        "Maximum Sharpe ratio of n assets: by solve(), which checks its inputs. Cold and one row "
        "later: what an engine runs, without checks. One row later ours begins with the weights of "
        "the row before, daqp with its model. Peers check nothing; to bring a problem to their "
        "tolerances and their answer to weights, by numpy, counts with them.",
        "The goal beside PyPortfolioOpt is judged by solve() on sparse problems, our slowest way; "
        "cold it is more on each family. Above 100 assets PyPortfolioOpt and skfolio are left out, "
        "as a call takes seconds: there the best peer is daqp or NNLS.",
        "Active sets (daqp, NNLS) are held to 1e-12 of the ratio, the others to what they reach. "
        "Optimality gaps are upper bounds by duality.",
        "Draw and solve: skfolio 1.12 and riskfolio-lib 7.4 have no resampled portfolio, only sets "
        "of uncertainty. So the peers are scipy's inverse Wishart with NNLS, and draws by numpy "
        "and LAPACK with daqp or with NNLS, which takes the draw's triangular root as it is.",
    ),
    "storage": (
        "Wall-clock times of one writer that waits for each answer. A batch counts when it is on "
        "the disk: SQLite with synchronous = FULL, Cassandra as its commit log is set.",
        "The bound is the same driver sending the same rows, and nothing else: it looks up no "
        "known ids and lets no row count.",
    ),
    "ingest": (
        "From the first message to the last of a topic that is there already: consumed, decoded, "
        "admitted, and in the windows of each symbol's last 1000 ticks. Each turn has a process of "
        "its own, whose start does not count.",
        "The bound is our own fetch alone: contents and offsets copied in whole batches and not "
        "looked into. The stage fetch may take less than it: librdkafka fetches on a thread of its "
        "own while we decode.",
        "confluent-kafka and aiokafka with msgspec do what a user would write: a typed struct a "
        "tick, checks, rolling moments by numpy at the end. So does quixstreams, in an environment "
        "of its own, with its JSON deserializer and one function called a tick.",
    ),
    "scale": (
        "Sizes take turns within each repetition, all windows full and a row of a million ticks "
        "behind them. An exponent is that of one step from a size to the next, log(time / time) / "
        "log(size / size). It may exceed its order by 0.5, our own margin: what no longer fits a "
        "cache is fetched from the next.",
        "Processor time; for whole decisions on workers the wall clock. Of 500 and 1000 assets "
        "those have 128 and 64 draws, so that a turn takes less than 2 s.",
        "What sizes do not show: ticks wait for their row's end in a pool, and when it doubles a "
        "`run` stands still, once for each size. By hand, in three processes: 4 to 10 ms for "
        "131 072 ticks in the time of a row, 12 to 76 for 524 288, 78 to 158 for a million.",
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
        "imports of libraries.",
        "Without bytecode (PYTHONDONTWRITEBYTECODE, or a read-only image that was not compiled) "
        "each start compiles a thousand modules anew.",
    ),
    "overload": (
        "Thirteen times the ticks a second that probes of 8 s decided one by one: those that come "
        "while a decision is made share the next. Ticks for each decision say how many times too "
        "many they were. An age is from the instant a tick was due to the first decision that "
        "covers it being encoded. The repetitions are the quarters of the time.",
        "A single age is that of one tick, over the median solve of its quarter: about one and a "
        "half where a tick waits for the solve under way and then for its own.",
    ),
    "saturation": (
        "The rate doubles until ticks grow older by 0.05 s a second or more (a queue that is fed "
        "faster than it is emptied), or one of a hundred is older than 0.25 s (p99, a queue that "
        "comes and goes; played once more, as it may be one stall), or what sends them falls back "
        "as much. Then the step is halved, as ratios, until it is 12 %. One size, 50 assets.",
        "Each rate is played anew to a process that has just started, its windows full. Method "
        "exact, a decision as soon as the one before is made, for all ticks that came meanwhile.",
        "Generator, broker, contender and listener share this machine's processors: it is the rate "
        "at which all of them keep pace. The relay solves nothing. Packed ticks come a thousand a "
        "message, each due with the last of them.",
        "Where a ramp ended before decisions fell behind (the rate could not be offered, or the "
        "ramp had no higher one), the rate is a lower limit: at least so much, and no ratio.",
    ),
    "pipeline": (
        "Times run from the instant a tick was due (open loop, Poisson) to the arrival of the "
        "first decision that covers it.",
        "Each case names its broker. Of the embedded one (librdkafka's mock) the latency is not "
        "Kafka's: only the ratio to the relay and our own part say something about this program.",
        "The relay reads as we do, decides nothing, and sends one message of 2 kB a wake-up by a "
        "plain producer. `run` sends in transactions, which took 75 us more by hand, and five "
        "times the bytes. The relay is measured once a run and stands beside each method.",
        "The libraries stand in our loop, with our windows and estimates, and send 2 kB: only the "
        "solver is theirs. quixstreams with PyPortfolioOpt solves for each tick, 7 ms: it takes "
        "part at 100 ticks/s alone.",
        "Goals of the own part and of the libraries are judged at 1000 ticks/s, as their "
        "prototypes were. The other rates stand in the table.",
        "The method resample spends both processors on draws, at the priority of broker and "
        "generator: what those take, and the generator's lag, grow by that.",
        "Stages follow one another: kafka in (producer, broker, consumer), update (decode, admit, "
        "digest), wait (read windows, estimate), solve, publish (write the decision and its "
        "digest; of draws, merge them; encode), kafka out (producer, broker, receiver).",
        "Own part is all between the consumer's wake-up and the decision being encoded; handing it "
        "to the producer comes after it. quixstreams encodes after its stamp: of it the own part "
        "lacks that. Made and total begin when the tick was due, and end at the decision encoded, "
        "and arrived.",
    ),
}
