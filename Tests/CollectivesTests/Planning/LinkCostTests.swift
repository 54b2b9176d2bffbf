import Collectives
import Randomness
import Testing

@Suite struct LinkCostTests {
    @Test func exactTimesGiveExactCosts() throws {
        let cost = connection(microseconds: 95, gigabits: 1)
        let samples = [0, 64 << 10, 1 << 20].map { (bytes: $0, seconds: cost.seconds(bytes: Double($0))) }
        let fit = try #require(LinkCost.fit(samples: samples))
        #expect(isClose(fit.alpha, cost.alpha, 1e-9) && isClose(fit.beta, cost.beta, 1e-9), "\(fit)")
    }

    /// Every time is delayed by up to 5 %, and two of five by up to fifty times their length.
    @Test func noiseAndOutliersLeaveTheCostsWithinFifteenPercent() throws {
        for seed in UInt64(0)..<200 {
            var random = Philox(seed: seed, path: [1])
            let cost = LinkCost(
                alpha: 1e-6 * (1 + 200 * random.uniformDouble()), beta: 1e-10 * (1 + 100 * random.uniformDouble()))
            let samples = [0, 4096, 65536, 1 << 20].flatMap { bytes in
                (0..<12).map { index in
                    let delay = index % 5 < 2 ? 1 + 50 * random.uniformDouble() : 1 + 0.05 * random.uniformDouble()
                    return (bytes: bytes, seconds: cost.seconds(bytes: Double(bytes)) * delay)
                }
            }
            let fit = try #require(LinkCost.fit(samples: samples))
            #expect(isClose(fit.alpha, cost.alpha, 0.15), "seed \(seed): \(fit), is \(cost)")
            #expect(isClose(fit.beta, cost.beta, 0.15), "seed \(seed): \(fit), is \(cost)")
        }
    }

    @Test func noCostIsNegativeAndNoOtherPairFitsBetter() throws {
        for seed in UInt64(0)..<200 {
            var random = Philox(seed: seed, path: [2])
            // Anything, also times that fall with the size.
            let samples = [0, 100, 10_000, 1_000_000].map { (bytes: $0, seconds: 1e-6 + 1e-3 * random.uniformDouble()) }
            let fit = try #require(LinkCost.fit(samples: samples))
            #expect(fit.alpha >= 0 && fit.beta >= 0)
            func loss(_ cost: LinkCost) -> Double {
                samples.reduce(0) {
                    let error = cost.seconds(bytes: Double($1.bytes)) / $1.seconds - 1
                    return $0 + error * error
                }
            }
            let least = loss(fit) * (1 + 1e-9)
            for _ in 0..<100 {
                let other = LinkCost(
                    alpha: fit.alpha * random.uniformDouble() * 2 + 1e-5 * random.uniformDouble(),
                    beta: fit.beta * random.uniformDouble() * 2 + 1e-10 * random.uniformDouble())
                #expect(loss(other) >= least / (1 + 2e-9), "seed \(seed): \(other) fits better than \(fit)")
            }
        }
    }

    @Test func tooLittleToFitIsSaid() {
        #expect(LinkCost.fit(samples: []) == nil)
        #expect(LinkCost.fit(samples: [(bytes: -1, seconds: 1), (bytes: 1, seconds: .nan)]) == nil)
        #expect(
            LinkCost.fit(samples: [(bytes: 100, seconds: 2), (bytes: 100, seconds: 1)])
                == LinkCost(alpha: 1, beta: 0))
    }
}
