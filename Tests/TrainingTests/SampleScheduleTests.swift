import Checkpoints
import ImagePipeline
import Testing
import Training

/// Which images each rank reads, over epochs whose last images are left over.
@Suite struct SampleScheduleTests {
    @Test(arguments: [1, 2, 3, 5])
    func eachRankReadsItsShareOfEachBatchInSampleOrderAndNothingPastTheEnd(ranks: Int) throws {
        // Two steps an epoch, four images left over; five slices, the last of one image.
        let configuration = try tinyRun(steps: 5, batch: 9, slice: 2)
        let logs = (0..<ranks).map { _ in ReadLog() }
        var run = TestRun(configuration)
        run.dataset = { SyntheticImages(count: 22, log: logs[$0]) }
        _ = try run.reports(on: ranks)

        let assignment = SliceAssignment(globalBatch: 9, sliceSize: 2, worldSize: ranks)
        let order = SampleOrder(seed: configuration.seed, count: 22)
        for rank in 0..<ranks {
            let expected = [(0, 0), (0, 9), (1, 0), (1, 9), (2, 0)].flatMap { epoch, start in
                assignment.positions(of: rank).map { Int(order.permutation(epoch: epoch)[start + $0]) }
            }
            #expect(logs[rank].read == expected, "rank \(rank) of \(ranks)")
        }
    }

    @Test func aGenerationThatResumesReadsOnWhereTheLastOneEnded() throws {
        let scratch = try Scratch()
        let configuration = try tinyRun(steps: 4, batch: 8)
        var first = TestRun(configuration)
        first.checkpoints = { _ in CheckpointWriter(store: .init(directory: "\(scratch.path)/run"), keep: 1) }
        first.dataset = { _ in SyntheticImages(count: 16) }
        first.wish = { _, step in step == 3 ? .stop : nil }
        _ = try first.reports(on: 1)

        let log = ReadLog()
        var second = TestRun(configuration)
        second.resumed = try scratch.newest(in: "run")
        second.dataset = { _ in SyntheticImages(count: 16, log: log) }
        _ = try second.reports(on: 1)
        let order = SampleOrder(seed: configuration.seed, count: 16).permutation(epoch: 1)
        #expect(log.read == order[8..<16].map(Int.init))
    }
}
