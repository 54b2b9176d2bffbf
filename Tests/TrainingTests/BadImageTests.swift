import ClusterTestKit
import Collectives
import Testing
import Training

/// Images that cannot be read, on several ranks.
@Suite struct BadImageTests {
    /// Apart from each other, so that none is met as the replacement of another.
    static let unreadable: Set<Int> = [3, 9, 14, 20]

    /// Two epochs of three steps over 24 images.
    static func run(limit: Double, steps: Int = 6) throws -> TestRun {
        var run = TestRun(try tinyRun(steps: steps, batch: 8) { $0.loader.maxBadShare = limit })
        run.dataset = { _ in SyntheticImages(count: 24, unreadable: unreadable) }
        return run
    }

    @Test(arguments: [1, 2, 4])
    func eachIsToldOnceWhoeverFindsItInWhateverEpoch(ranks: Int) throws {
        let reports = try Self.run(limit: 4.0 / 24).reports(on: ranks)
        let told = reports.flatMap(\.notices).sorted()
        #expect(told.count == 4, "\(told)")
        for index in Self.unreadable {
            #expect(told.filter { $0.contains("image-\(index):") && $0.contains("made so") }.count == 1, "\(told)")
        }
    }

    @Test(arguments: [1, 3])
    func moreThanTheLimitEndsTheRunOnEveryRank(ranks: Int) throws {
        for result in try Self.run(limit: 3.5 / 24).results(on: ranks) {
            let error = try #require(throws: TrainingError.self) { try result.get() }
            guard case .tooManyBadImages(bad: 4, total: 24, _) = error else {
                Issue.record("\(error)")
                continue
            }
        }
    }

    /// A rank that joins later has not met what the others have; it must count the same all the same.
    @Test func aRankThatJoinsLaterCountsWithTheOthers() throws {
        let both = try Self.run(limit: 3.5 / 24, steps: 3)
        var alone = both
        alone.wish = { _, step in step == 2 ? .regroup : nil }
        let results = onRanks(2) { [alone] communicator in
            let trainer = try both.trainer(rank: communicator.rank)
            if communicator.rank == 0 {
                let solo = Communicator(link: InMemoryNetwork(size: 1).link(rank: 0))
                let found = try alone.generation(trainer, solo).notices.count
                #expect((1...3).contains(found), "some are met before and some after the regroup")
            }
            _ = try both.generation(trainer, communicator)
        }
        for result in results {
            let error = try #require(throws: TrainingError.self) { try result.get() }
            guard case .tooManyBadImages(bad: 4, total: 24, _) = error else {
                Issue.record("\(error)")
                continue
            }
        }
    }
}
