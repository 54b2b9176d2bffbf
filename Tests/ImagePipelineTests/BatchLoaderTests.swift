import Foundation
import ImagePipeline
import Randomness
import Testing

@Suite struct BatchLoaderTests {
    func augmentation(channels: Int = 3, size: Int = 8) -> Augmentation {
        Augmentation(outputSize: size, normalization: .none(channels: channels))
    }

    /// A loader over `batches` requests of `size` samples in the order of an epoch.
    func loader(
        _ dataset: any ImageDataset, batches: Int = 6, size: Int = 7, views: Int = 2, threads: Int = 1,
        prefetch: Int = 2,
        seed: UInt64 = 5
    ) throws -> BatchLoader {
        let count = dataset.count
        let order = SampleOrder(seed: seed, count: count).permutation(epoch: 3)
        return try BatchLoader(
            dataset: dataset,
            views: Array(repeating: augmentation(channels: dataset.channels), count: views), seed: seed,
            threads: threads, prefetch: prefetch
        ) { index in
            guard index < batches else { return nil }
            return BatchRequest(epoch: 3, samples: (0..<size).map { order[(index * size + $0) % count] })
        }
    }

    func all(_ loader: BatchLoader) throws -> [LoadedBatch] {
        var batches: [LoadedBatch] = []
        while let batch = try loader.next() { batches.append(batch) }
        return batches
    }

    @Test func batchesComeInOrderAndHoldTheViewsOfTheirSamples() throws {
        let dataset = PlainDataset(count: 30)
        let batches = try all(loader(dataset, threads: 2))
        #expect(batches.map(\.index) == Array(0..<6))
        let workspace = AugmentationWorkspace()
        for batch in batches {
            #expect(batch.views.map(\.shape) == [[7, 8, 8, 3], [7, 8, 8, 3]])
            #expect(batch.buffer.floats.count == 14 * 192)
            #expect(batch.samples == batch.sources && batch.badSamples.isEmpty && batch.epoch == 3)
            for view in 0..<2 {
                for (position, sample) in batch.samples.enumerated() {
                    var generator = Philox(seed: 5, path: [3, UInt64(sample), UInt64(view)])
                    var expected = [Float](repeating: 0, count: 192)
                    augmentation().apply(
                        try dataset.image(at: Int(sample)), generator: &generator, into: &expected, workspace: workspace
                    )
                    let start = (view * 7 + position) * 192
                    #expect(Array(batch.buffer.floats[start..<start + 192]) == expected)
                }
            }
        }
    }

    @Test(arguments: [(2, 1), (3, 4), (8, 2)])
    func theNumberOfThreadsDoesNotShow(threads: Int, prefetch: Int) throws {
        let dataset = PlainDataset(count: 40, bad: [3, 17, 18])
        let reference = try all(loader(dataset, batches: 9))
        let batches = try all(loader(dataset, batches: 9, threads: threads, prefetch: prefetch))
        #expect(batches.count == reference.count)
        for (batch, other) in zip(batches, reference) {
            #expect(batch.samples == other.samples && batch.sources == other.sources)
            #expect(batch.badSamples == other.badSamples)
            #expect(batch.buffer.floats.elementsEqual(other.buffer.floats))
        }
    }

    @Test func undecodableImagesAreReplacedAndReportedOnce() throws {
        let dataset = PlainDataset(count: 10, bad: [4, 8, 9])
        let loader = try BatchLoader(
            dataset: dataset, views: [augmentation()], seed: 1, threads: 2, prefetch: 3
        ) { $0 < 4 ? BatchRequest(epoch: $0, samples: [8, 1, 4]) : nil }
        let batches = try all(loader)
        #expect(batches.allSatisfy { $0.samples == [8, 1, 4] && $0.sources == [0, 1, 5] })
        #expect(batches[0].badSamples.map(\.index) == [8, 9, 4])
        #expect(batches[0].badSamples[2] == BadSample(index: 4, name: "plain/4.png", cause: "made so"))
        #expect(batches.dropFirst().allSatisfy { $0.badSamples.isEmpty })
        // Image 5 under the name of sample 4: the randomness belongs to the sample asked for.
        var generator = Philox(seed: 1, path: [0, 4, 0])
        var expected = [Float](repeating: 0, count: 192)
        augmentation().apply(try dataset.image(at: 5), generator: &generator, into: &expected)
        #expect(Array(batches[0].buffer.floats[2 * 192..<3 * 192]) == expected)
    }

    @Test func aDatasetWithoutAnyGoodImageIsAnError() throws {
        let loader = try loader(PlainDataset(count: 5, bad: [0, 1, 2, 3, 4]), batches: 1, size: 2)
        do {
            _ = try loader.next()
            Issue.record("loaded")
        } catch let error as LoaderError {
            guard case .noReadableImage(let first, 5) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(error.description.contains(first.name))
        }
    }

    @Test func aSampleOutOfRangeIsAnErrorOfItsBatchOnly() throws {
        let loader = try BatchLoader(
            dataset: PlainDataset(count: 5), views: [augmentation()], seed: 1
        ) { $0 < 3 ? BatchRequest(epoch: 0, samples: $0 == 1 ? [0, 5] : [1, 2]) : nil }
        #expect(try loader.next()?.index == 0)
        #expect(throws: LoaderError.sampleOutOfRange(sample: 5, count: 5, request: 1)) { try loader.next() }
        #expect(try loader.next()?.index == 2)
        #expect(try loader.next() == nil)
        #expect(try loader.next() == nil)
    }

    @Test func emptyRequestsGiveEmptyBatches() throws {
        let loader = try BatchLoader(
            dataset: PlainDataset(count: 5), views: [augmentation()], seed: 1
        ) { $0 < 2 ? BatchRequest(epoch: 0, samples: []) : nil }
        #expect(try all(loader).map { $0.views.map(\.shape) } == [[[0, 8, 8, 3]], [[0, 8, 8, 3]]])
    }

    @Test func noMoreBatchesAreLoadedThanPrefetchAllows() throws {
        let asked = Counter()
        let loader = try BatchLoader(
            dataset: PlainDataset(count: 5), views: [augmentation()], seed: 1, threads: 2, prefetch: 3
        ) { index in
            asked.raise(to: index + 1)
            return BatchRequest(epoch: 0, samples: [Int32(index % 5)])
        }
        for taken in 1...20 {
            _ = try loader.next()
            #expect(asked.value <= taken + 3)
        }
    }

    @Test func buffersAreUsedAgain() throws {
        let loader = try loader(PlainDataset(count: 20), batches: 200, threads: 2)
        var addresses: Set<UnsafeMutablePointer<Float>> = []
        while let batch = try loader.next() { addresses.insert(batch.buffer.floats.baseAddress!) }
        #expect(addresses.count <= 6)
    }

    @Test func aBatchOutlivesItsLoader() throws {
        var loader: BatchLoader? = try loader(PlainDataset(count: 20), threads: 2)
        let batch = try #require(try loader?.next())
        let before = Array(batch.buffer.floats)
        loader = nil
        #expect(Array(batch.buffer.floats) == before)
    }

    @Test func cancellingEndsAWaitingNext() async throws {
        let gate = Gate()
        let loader = try BatchLoader(
            dataset: GatedDataset(gate: gate), views: [augmentation()], seed: 1
        ) { _ in BatchRequest(epoch: 0, samples: [0]) }
        let waiting = Task.detached { try loader.next() == nil }
        gate.waitUntilReached()
        loader.cancel()
        #expect(try await waiting.value)
        gate.open()
    }

    @Test func loadersThatAreDroppedAtOnceLeaveNoThread() throws {
        for threads in 1...4 {
            for _ in 0..<5 { _ = try loader(PlainDataset(count: 50), batches: 1000, size: 20, threads: threads) }
        }
    }

    @Test(arguments: [1, 3])
    func evaluationGivesEveryImageOnceInOrder(threads: Int) throws {
        let dataset = PlainDataset(count: 11, channels: 1, bad: [6])
        let transform = EvaluationTransform(outputSize: 12, normalization: .none(channels: 1))
        let batches = try all(try BatchLoader(dataset: dataset, transform: transform, batchSize: 4, threads: threads))
        #expect(batches.flatMap(\.samples) == (0..<11).map { Int32($0) })
        #expect(batches.flatMap { $0.views.map(\.shape) } == [[4, 12, 12, 1], [4, 12, 12, 1], [3, 12, 12, 1]])
        #expect(batches[1].sources == [4, 5, 7, 7] && batches[1].badSamples.map(\.index) == [6])
        let image = try dataset.image(at: 9)
        let row = batches[2].buffer.floats[144..<288]
        #expect(zip(row, image.pixels).allSatisfy { abs($0 - Float($1) / 255) < 1e-6 })
        let some = try all(try BatchLoader(dataset: dataset, transform: transform, batchSize: 2, samples: [9, 1, 5]))
        #expect(some.map(\.samples) == [[9, 1], [5]])
    }

    @Test func sampleOrderIsAPermutationThatDependsOnSeedAndEpoch() {
        let order = SampleOrder(seed: 9, count: 1000)
        let first = order.permutation(epoch: 0)
        #expect(first.sorted() == (0..<1000).map { Int32($0) })
        #expect(first == SampleOrder(seed: 9, count: 1000).permutation(epoch: 0))
        #expect(first != order.permutation(epoch: 1))
        #expect(first != SampleOrder(seed: 10, count: 1000).permutation(epoch: 0))
    }
}

/// The largest number it was ever given.
final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var largest = 0

    func raise(to number: Int) { lock.withLock { largest = max(largest, number) } }

    var value: Int { lock.withLock { largest } }
}

/// Holds threads back until it is opened.
final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false
    private var isReached = false

    func pass() {
        condition.withLock {
            isReached = true
            condition.broadcast()
            while !isOpen { condition.wait() }
        }
    }

    func waitUntilReached() {
        condition.withLock { while !isReached { condition.wait() } }
    }

    func open() {
        condition.withLock {
            isOpen = true
            condition.broadcast()
        }
    }
}

/// One image that nobody gets to see before the gate is open.
struct GatedDataset: ImageDataset {
    let gate: Gate
    let count = 1
    let channels = 3
    let classNames: [String] = []

    func label(at index: Int) -> Int64 { -1 }

    func name(at index: Int) -> String { "gated" }

    func image(at index: Int) throws -> PixelImage {
        gate.pass()
        return try PlainDataset(count: 1).image(at: 0)
    }
}
