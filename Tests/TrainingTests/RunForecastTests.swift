import Configuration
import Testing
import Training

/// The arithmetic from a small step's figures to a run's.
@Suite struct RunForecastTests {
    static let mebibyte = 1 << 20

    /// Two points on straight lines: a slice takes 1 s forward, 2 s backward and 10 MiB, beside 0.5 s, 0.25 s and 4 MiB.
    static func measurement(pairSeconds: Double = 0) -> ProbeMeasurement {
        let steps = [1, 2].map { slices in
            ProbeMeasurement.Step(
                slices: slices, forward: 0.5 + Double(slices), loss: 0.1 * Double(slices),
                backward: 0.25 + 2 * Double(slices), reduce: 0.3, update: 0.2,
                tensorBytes: (4 + 10 * slices) * mebibyte, residentBytes: 0)
        }
        return ProbeMeasurement(
            ranks: 2, steps: steps, loadSeconds: 0.001, pairSeconds: pairSeconds, processBytes: 100 * mebibyte,
            modelBytes: 20 * mebibyte, viewBytes: 1024, gradientBytes: 8_000_000)
    }

    static func configuration(
        batch: Int, slice: Int, _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> RunConfiguration {
        try tinyRun(steps: 1, batch: batch, slice: slice) {
            $0.batchNorm = .slice
            change(&$0)
        }
    }

    static func amount(_ name: String, of parts: [RunForecast.Part]) throws -> Double {
        try #require(parts.first { $0.name.hasPrefix(name) }).amount
    }

    @Test func timeAndMemoryGrowWithTheSlicesOfAWorker() throws {
        let configuration = try Self.configuration(batch: 64, slice: 8)
        let forecast = RunForecast(Self.measurement(), of: configuration, on: .init(workers: 2, cores: 4))
        #expect(forecast.slices == 4 && forecast.keptGraphs == 4)
        #expect(try abs(Self.amount("forward", of: forecast.time) - 4.5) < 1e-12)
        #expect(try abs(Self.amount("backward", of: forecast.time) - 8.25) < 1e-12)
        #expect(try abs(Self.amount("loss", of: forecast.time) - 0.4) < 1e-12)
        #expect(try Self.amount("waiting", of: forecast.time) == 0)
        #expect(try Self.amount("graphs", of: forecast.memory) == Double(44 * Self.mebibyte))
        // Two batches ahead and the one in work, of 32 images each.
        #expect(try Self.amount("views", of: forecast.memory) == Double(3 * 32 * 1024))
        let eight = RunForecast(Self.measurement(), of: configuration, on: .init(workers: 8, cores: 8))
        #expect(try abs(Self.amount("forward", of: eight.time) - 1.5) < 1e-12)
    }

    @Test func aShorterLastSliceCountsByItsImages() throws {
        let configuration = try Self.configuration(batch: 12, slice: 8)
        let forecast = RunForecast(Self.measurement(), of: configuration, on: .init(workers: 1, cores: 4))
        #expect(try abs(Self.amount("forward", of: forecast.time) - 2) < 1e-12)
    }

    @Test func workersThatShareCoresAreSlower() throws {
        let configuration = try Self.configuration(batch: 64, slice: 8)
        let roomy = RunForecast(Self.measurement(), of: configuration, on: .init(workers: 4, cores: 4))
        let crowded = RunForecast(Self.measurement(), of: configuration, on: .init(workers: 4, cores: 2))
        #expect(
            try abs(Self.amount("forward", of: crowded.time) - 2 * Self.amount("forward", of: roomy.time)) < 1e-12)
        let spread = RunForecast(Self.measurement(), of: configuration, on: .init(workers: 4, hosts: 2, cores: 2))
        #expect(try Self.amount("forward", of: spread.time) == Self.amount("forward", of: roomy.time))
    }

    @Test func loadingCountsWhereItIsWhatTheCoresCannotHide() throws {
        let configuration = try Self.configuration(batch: 64, slice: 8)
        var slow = Self.measurement()
        slow.loadSeconds = 1
        // 64 s of loading on one thread, behind which computing hides.
        let one = RunForecast(slow, of: configuration, on: .init(workers: 1, cores: 4))
        #expect(abs(one.seconds - 64 - one.time.last!.amount) < 1e-9)
        // On one core both take their turns.
        let busy = one.time.dropFirst().dropLast().reduce(0) { $0 + $1.amount }
        var single = slow
        single.ranks = 1
        let shared = RunForecast(single, of: configuration, on: .init(workers: 1, cores: 1))
        #expect(abs(shared.seconds - 64 - busy - shared.time.last!.amount) < 1e-9)
    }

    @Test func pairsGrowWithTheSquareOfTheBatch() throws {
        func loss(_ batch: Int, _ workers: Int) throws -> Double {
            let forecast = RunForecast(
                Self.measurement(pairSeconds: 1e-6), of: try Self.configuration(batch: batch, slice: 8),
                on: .init(workers: workers, cores: 8))
            return try Self.amount("loss", of: forecast.time) - 0.1
        }
        let one = try loss(64, 1)
        #expect(abs(one - 1e-6 * 128 * 128) < 1e-12)
        #expect(try abs(loss(128, 1) - 4 * one) < 1e-12)
        #expect(try abs(loss(64, 2) - one / 2) < 1e-12)
    }

    @Test func aSlowLineSetsTheSumOfGradients() throws {
        let configuration = try Self.configuration(batch: 64, slice: 8)
        let forecast = RunForecast(
            Self.measurement(), of: configuration, on: .init(workers: 2, hosts: 2, cores: 4, lineRate: 1_000_000))
        #expect(try abs(Self.amount("sum", of: forecast.time) - 8) < 1e-12)
    }

    @Test func aBudgetBoundsTheGraphsAndCostsAnotherForward() throws {
        let configuration = try Self.configuration(batch: 256, slice: 8) {
            $0.memoryBudget = MemorySize(bytes: 300 * Self.mebibyte)
        }
        let cluster = RunForecast.Cluster(workers: 1, cores: 4)
        let forecast = RunForecast(Self.measurement(), of: configuration, on: cluster)
        // 300 less 120 at rest, 64 for the loss, 18.75 for a slice in backward and the views of three batches; 12.5 each.
        #expect(forecast.keptGraphs == 7 && forecast.slices == 32)
        #expect(forecast.bytes < 300 * Double(Self.mebibyte))
        #expect(try abs(Self.amount("forward again", of: forecast.time) - 25) < 1e-12)
        var plain = configuration
        plain.memoryBudget = nil
        let unlimited = RunForecast(Self.measurement(), of: plain, on: cluster)
        #expect(unlimited.bytes > 400 * Double(Self.mebibyte))
        #expect(try Self.amount("forward again", of: unlimited.time) == 0)
    }

    @Test func whatDoesNotFitIsToldWhatWould() throws {
        let configuration = try Self.configuration(batch: 256, slice: 8) { $0.batchNorm = .sync }
        let cluster = RunForecast.Cluster(workers: 1, cores: 4)
        let advice = RunForecast.advice(
            Self.measurement(), of: configuration, on: cluster, limit: 300 * Self.mebibyte)
        #expect(advice.contains { $0.hasPrefix("batch_norm=slice memory_budget=300MiB") }, "\(advice)")
        #expect(advice.contains("2 workers"), "\(advice)")
        // Below what a slice at a time needs, smaller slices help as far as they go.
        let smaller = RunForecast.advice(
            Self.measurement(), of: configuration, on: cluster, limit: 133 * Self.mebibyte)
        #expect(smaller.contains { $0.contains("slice_size=") }, "\(smaller)")
        let none = RunForecast.advice(Self.measurement(), of: configuration, on: cluster, limit: 100 * Self.mebibyte)
        #expect(none.isEmpty, "\(none)")
    }
}
