import Collectives
import Configuration
import Testing
import Torch
import Training

/// Slices whose graphs are not kept are run again: nothing of it shows in the result.
@Suite struct SliceReplayTests {
    init() { TensorMemory.count() }

    /// `budget`: nil keeps all graphs; a byte keeps none from the second step on.
    static func run(
        _ variant: MethodRuns.Variant, budget: MemorySize?, _ change: (inout RunConfiguration) -> Void = { _ in }
    ) throws -> TestRun {
        MethodRuns.run(
            try MethodRuns.configuration(variant) {
                if $0.batchNorm != .shuffle { $0.batchNorm = .slice }
                $0.memoryBudget = budget
                change(&$0)
            })
    }

    static let byte = MemorySize(bytes: 1)

    @Test(arguments: MethodRuns.all, [1, 3])
    func theBitsAreThoseOfKeptGraphs(variant: MethodRuns.Variant, ranks: Int) throws {
        let kept = try Self.run(variant, budget: nil).reports(on: ranks)
        let replayed = try Self.run(variant, budget: Self.byte).reports(on: ranks)
        #expect(replayed[0].losses == kept[0].losses, "\(variant)")
        for (one, other) in zip(replayed, kept) { expectSameBits(one.state, other.state, "\(variant)") }
    }

    @Test(arguments: [RunConfiguration.Method.simclr, .byol, .mocov2, .swav])
    func theBitsAreThoseOfKeptGraphsWithOverlapAndInReproducibleRuns(method: RunConfiguration.Method) throws {
        let variant = MethodRuns.Variant(method)
        let kept = try Self.run(variant, budget: nil).reports(on: 2)
        let run = try Self.run(variant, budget: Self.byte) { $0.collectives.bucketBytes = 4096 }
        for result in run.overlappedResults(on: 2) {
            try expectSameBits(result.get().state, kept[0].state, "\(variant)")
        }
        let exact = try Self.run(variant, budget: nil) { $0.reproducible = true }.reports(on: 1)
        for report in try Self.run(variant, budget: Self.byte, { $0.reproducible = true }).reports(on: 3) {
            expectSameBits(report.state, exact[0].state, "\(variant), reproducible")
        }
    }

    @Test func aBudgetThatIsTooSmallIsToldOnce() throws {
        let report = try Self.run(MethodRuns.Variant(.simclr), budget: Self.byte).reports(on: 1)[0]
        let told = report.notices.filter { $0.contains("memory_budget") }
        #expect(told.count == 1 && told[0].contains("slice_size"))
        let enough = try Self.run(MethodRuns.Variant(.simclr), budget: MemorySize(bytes: 1 << 50)).reports(on: 1)[0]
        #expect(!enough.notices.contains { $0.contains("memory_budget") })
    }

    @Test func asManyGraphsAreKeptAsFit() throws {
        let (mebibyte, graph) = (1 << 20, 10 << 20)
        // With what the allocator loses.
        let tensors = 8 << 20
        // 100 at the start, 20 loaded ahead, 64 for the loss, 15 for a slice in backward: 101 are left of 300.
        let budget = GraphBudget(total: 300 * mebibyte, ahead: 20 * mebibyte) { 100 * mebibyte }
        #expect(budget.keeps(call: 1, kept: 0) == nil)
        budget.measured(tensors, call: 1)
        #expect(budget.keeps(call: 1, kept: 0) == true)
        #expect(budget.keeps(call: 1, kept: 9 * graph) == true)
        #expect(budget.keeps(call: 1, kept: 10 * graph) == false)
        #expect(budget.keeps(call: 2, kept: 10 * graph) == nil)
        budget.measured(mebibyte / 2, call: 2)
        #expect(budget.keeps(call: 2, kept: 10 * graph) == true)
        #expect(budget.warning() == nil)
    }
}
