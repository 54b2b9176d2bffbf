import Contrastive
import Testing
import Torch

@Suite struct RunningStatisticsTests {
    /// Mean and unbiased variance of each column of [n, channels].
    private func statistics(_ rows: Tensor) throws -> (mean: [Double], variance: [Double]) {
        let channels = rows.shape[1]
        let flat = try values(rows)
        let columns = (0..<channels).map { c in stride(from: c, to: flat.count, by: channels).map { flat[$0] } }
        let means = columns.map { $0.reduce(0, +) / Double($0.count) }
        let variances = zip(columns, means).map { column, mean in
            column.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(column.count - 1)
        }
        return (means, variances)
    }

    private func norm() throws -> BatchNorm { try BatchNorm(3, scalarType: .float64) }

    private func forward(_ norm: BatchNorm, _ rows: Tensor, _ recorder: RunningStatisticsRecorder) throws {
        _ = try norm.forward(rows, mode: .training(TrainingContext(recorder: recorder)))
    }

    @Test func oneStepMovesByMomentumTowardsTheUnbiasedStatistics() throws {
        let norm = try norm()
        let recorder = try RunningStatisticsRecorder(of: norm)
        let rows = try waves([7, 3], 0.2, scale: 2, shift: 1)
        try forward(norm, rows, recorder)
        try recorder.commit(packed: recorder.packed(), momentum: 0.25)
        let (mean, variance) = try statistics(rows)
        #expect(try relativeError(values(norm.runningMean), mean.map { 0.25 * $0 }) < 1e-12)
        #expect(try relativeError(values(norm.runningVariance), variance.map { 0.75 + 0.25 * $0 }) < 1e-12)
        #expect(try norm.batchesTracked.item() == 1)
    }

    @Test func slicesCountAlikeHoweverTheyAreDealt() throws {
        let slices = try (0..<5).map { try waves([4, 3], Double($0), scale: 2, shift: 0.5) }
        func run(_ shares: [Range<Int>]) throws -> [Double] {
            let norm = try norm()
            var sum: Tensor?
            for share in shares {
                let recorder = try RunningStatisticsRecorder(of: norm)
                for slice in slices[share] { try forward(norm, slice, recorder) }
                let packed = try recorder.packed()
                sum = try sum.map { try $0 + packed } ?? packed
            }
            try RunningStatisticsRecorder(of: norm).commit(packed: #require(sum))
            return try values(norm.runningMean) + values(norm.runningVariance) + [norm.batchesTracked.item()]
        }
        let one = try run([0..<5])
        #expect(try relativeError(run([0..<2, 2..<5]), one) < 1e-12)
        #expect(try relativeError(run([0..<0, 0..<4, 4..<5]), one) < 1e-12)
        #expect(one.last == 1)
    }

    @Test func anAbortedStepLeavesNoTrace() throws {
        let norm = try norm()
        let recorder = try RunningStatisticsRecorder(of: norm)
        try forward(norm, waves([7, 3], 5), recorder)
        try recorder.reset()
        try recorder.commit(packed: recorder.packed())
        #expect(try values(norm.runningMean) == [0, 0, 0])
        #expect(try values(norm.runningVariance) == [1, 1, 1])
        #expect(try norm.batchesTracked.item() == 0)
    }

    @Test func aPassWithoutRecorderLeavesNoTrace() throws {
        let norm = try norm()
        _ = try norm.forward(waves([7, 3], 5), mode: .training(TrainingContext()))
        #expect(try values(norm.runningMean) == [0, 0, 0])
    }

    @Test func synchronisedStatisticsUseTheGlobalCount() throws {
        // Two workers with the same rows: every sum doubles.
        let norm = try norm()
        let recorder = try RunningStatisticsRecorder(of: norm)
        let rows = try waves([4, 3], 0.2)
        let context = TrainingContext(reduceStatistics: { try $0.multiplyInPlace(2) }, recorder: recorder)
        let output = try norm.forward(rows, mode: .training(context))
        #expect(try relativeError(output, norm.forward(rows, mode: .training(TrainingContext()))) < 1e-12)
        try recorder.commit(packed: recorder.packed(), momentum: 1)
        let (_, variance) = try statistics(Tensor.concatenated([rows, rows], dim: 0))
        #expect(try relativeError(values(norm.runningVariance), variance) < 1e-12)
    }

    @Test func aBatchOfOneValuePerChannelIsRefused() throws {
        let norm = try norm()
        let recorder = try RunningStatisticsRecorder(of: norm)
        #expect(throws: (any Error).self) { try forward(norm, waves([1, 3], 0), recorder) }
    }

    @Test func packedStatisticsOfAnotherModelAreRefused() throws {
        let recorder = try RunningStatisticsRecorder(of: norm())
        #expect(throws: ContrastiveError.self) { try recorder.commit(packed: Tensor.zeros([3], .float64)) }
    }
}
