import Collectives
import Runtime
import Testing

@Suite("Trace clock")
struct TraceClockTests {
    private func clock(_ offset: Int64, _ error: Int64) -> TraceClock { TraceClock(offset: offset, error: error) }

    @Test func isRankZerosInTheFirstGeneration() {
        let clocks = TraceClock.resolve(
            [.same, ClockEstimate(offset: -70, error: 3)], known: [nil, nil], hosts: [0, 1])
        #expect(clocks == [clock(0, 0), clock(-70, 3)])
    }

    @Test func ranksOfAHostShareTheirBestEstimate() {
        let clocks = TraceClock.resolve(
            [.same, ClockEstimate(offset: 10, error: 9), .same, ClockEstimate(offset: 14, error: 2)],
            known: [nil, nil, nil, nil], hosts: [0, 1, 0, 1])
        #expect(clocks == [clock(0, 0), clock(14, 2), clock(0, 0), clock(14, 2)])
    }

    @Test func staysTheSameWhereRankZeroIsNew() {
        // Rank 1 was 100 behind the trace's clock; rank 0 is 30 ahead of rank 1.
        let clocks = TraceClock.resolve(
            [.same, ClockEstimate(offset: 30, error: 4)], known: [nil, clock(100, 1)], hosts: [0, 1])
        #expect(clocks == [clock(70, 5), clock(100, 9)])
    }

    @Test func staysTheSameWhereRankZeroWasThereBefore() {
        let clocks = TraceClock.resolve(
            [.same, ClockEstimate(offset: 30, error: 4)], known: [clock(-5, 0), nil], hosts: [0, 1])
        #expect(clocks == [clock(-5, 0), clock(25, 4)])
    }
}
