import Collectives
import Testing

@Suite("Clock estimates")
struct ClockEstimateTests {
    /// A question that leaves at `sent` by the asker's clock, with the true offset and the times of both ways.
    private func sample(sent: Int64, offset: Int64, there: Int64, back: Int64) -> ClockSample {
        ClockSample(sent: sent, answered: sent + there + offset, received: sent + there + back)
    }

    @Test(arguments: [0, 1, -1, 5_000, -5_000, 1 << 50, -(1 << 50)] as [Int64])
    func equalWaysGiveTheExactOffset(offset: Int64) throws {
        let estimate = try #require(ClockEstimate([sample(sent: 1_000_000, offset: offset, there: 40, back: 40)]))
        #expect(estimate == ClockEstimate(offset: offset, error: 40))
    }

    @Test(arguments: [-900_000, 0, 77] as [Int64])
    func unequalWaysKeepTheErrorWithinItsBound(offset: Int64) throws {
        for there in [0, 1, 10, 999, 50_001] as [Int64] {
            for back in [0, 1, 11, 1_000, 70_000] as [Int64] {
                let estimate = try #require(ClockEstimate([sample(sent: 5, offset: offset, there: there, back: back)]))
                #expect(abs(estimate.offset - offset) <= estimate.error, "\(there) there, \(back) back")
                #expect(estimate.error <= (there + back + 1) / 2)
            }
        }
    }

    @Test func theShortestRoundTripCounts() throws {
        let samples = [
            sample(sent: 0, offset: -300, there: 9_000, back: 10),
            sample(sent: 20_000, offset: -300, there: 20, back: 24),
            sample(sent: 30_000, offset: -300, there: 10, back: 8_000),
        ]
        #expect(ClockEstimate(samples) == ClockEstimate(offset: -302, error: 22))
    }

    @Test func thereIsNoneWithoutASoundSample() {
        #expect(ClockEstimate([]) == nil)
        #expect(ClockEstimate([ClockSample(sent: 10, answered: 0, received: 9)]) == nil)
    }

    @Test(arguments: [2, 3, 5])
    func ranksLearnHowFarRankZeroIsAhead(size: Int) throws {
        let estimates = try withRanks(size) { communicator -> ClockEstimate? in
            // Each rank's clock stands, at a place of its own: what is then left of a round trip is nothing.
            let own = Int64(communicator.rank) * -1_000
            return ClockEstimate(try communicator.exchangeClocks(rounds: 4) { own })
        }
        #expect(estimates[0] == nil)
        for rank in 1..<size {
            #expect(estimates[rank] == ClockEstimate(offset: Int64(rank) * 1_000, error: 0))
        }
    }

    @Test func ranksOfRankZerosHostAskNothing() throws {
        let counts = try withRanks(4, hosts: [0, 0, 1, 1]) { communicator in
            try communicator.exchangeClocks(rounds: 3) { 0 }.count
        }
        #expect(counts == [0, 0, 3, 3])
    }
}
