import ClusterTestKit
import Collectives
import Randomness
import Testing

@Suite struct CollectivePlanTests {
    private let slow = connection(microseconds: 95, gigabits: 0.94)
    private let fast = connection(microseconds: 4, gigabits: 40)
    private let memory = connection(microseconds: 1, gigabits: 80)

    private func plan(
        _ hosts: [Int], network: LinkCost? = nil, memory: LinkCost? = nil, _ algorithm: AllReduceAlgorithm = .auto
    ) throws -> CollectivePlan {
        try CollectivePlan(
            model: CostModel(host: fast, network: network ?? slow, sharedMemory: memory, hosts: hosts),
            algorithm: algorithm)
    }

    // MARK: The choice

    @Test func oneHostWithSharedMemoryUsesIt() throws {
        let plan = try plan([0, 0, 0, 0], memory: memory)
        #expect(plan.large == .sharedMemory && plan.small == .sharedMemory)
    }

    @Test func oneHostWithoutSharedMemoryTakesTheRing() throws {
        let plan = try plan([0, 0, 0, 0])
        #expect(plan.large == .ring && plan.small == .recursiveDoubling && plan.smallBytes > 0)
    }

    @Test func hostsOfOneRankTakeTheRing() throws {
        let plan = try plan([0, 1, 2, 3])
        #expect(plan.large == .ring && plan.small == .recursiveDoubling)
    }

    @Test func ranksThatShareCoresSendTheFewestMessages() throws {
        let model = CostModel(host: fast, network: slow, hosts: [0, 1, 2, 3])
        let plan = try CollectivePlan(model: model, sharesCores: true)
        #expect(plan.small == .tree && plan.large == .ring && plan.smallBytes > 0)
        #expect(plan.limits.small == .tree && plan.limits.smallBytes == plan.smallBytes)
        #expect(try CollectivePlan(model: model).limits.small == .recursiveDoubling)
    }

    @Test func hostsOfSeveralRanksBehindASlowNetworkGoThroughTheirLeaders() throws {
        #expect(try plan([0, 0, 0, 0, 1, 1, 1, 1]).large == .hierarchical)
        #expect(try plan([0, 0, 1, 1], memory: memory).large == .hierarchical)
    }

    @Test func aNetworkFasterThanTheHostsMakesTheRingCheaper() throws {
        // All hosts' ranks would wait for memory that is slower than the network.
        let plan = try CollectivePlan(
            model: CostModel(
                host: connection(microseconds: 50, gigabits: 2), network: connection(microseconds: 2, gigabits: 100),
                hosts: [0, 0, 1, 1]))
        #expect(plan.large == .ring)
    }

    @Test func forcedAlgorithmsAreTakenOrRefused() throws {
        #expect(try plan([0, 0, 1, 1], .ring).algorithm(bytes: 8) == .ring)
        #expect(try plan([0, 0, 1, 1], .tree).algorithm(bytes: 1 << 30) == .tree)
        for (hosts, algorithm) in [([0, 1], AllReduceAlgorithm.hierarchical), ([0, 1], .sharedMemory)] {
            #expect(throws: CollectiveError.self) { try plan(hosts, memory: memory, algorithm) }
        }
    }

    @Test func namesAreReadAndWrongOnesListed() throws {
        for algorithm in AllReduceAlgorithm.allCases {
            #expect(try AllReduceAlgorithm(parsing: algorithm.rawValue) == algorithm)
        }
        do {
            _ = try AllReduceAlgorithm(parsing: "rings\nand more")
            Issue.record("was read")
        } catch {
            #expect(
                "\(error)"
                    == "collective: invalid argument: there is no all-reduce algorithm \"rings and more\"; choose "
                    + "one of auto, ring, recursive-doubling, hierarchical, shared-memory, tree")
        }
    }

    @Test func aPlanIsOneLine() throws {
        #expect(
            try plan([0, 0, 1, 1]).description.hasPrefix(
                "collectives: 4 ranks on 2 hosts; network α 95 µs, 0.94 Gbit/s; host α 4 µs, 40 Gbit/s; "))
        #expect(
            try plan([0, 1], .tree).description
                == "collectives: 2 ranks on 2 hosts; network α 95 µs, 0.94 Gbit/s; tree")
        #expect(try plan([0]).description == "collectives: 1 rank, nothing to exchange")
        let unlimited = CostModel(
            host: LinkCost(alpha: 0, beta: 0), network: LinkCost(alpha: 1.25e-6, beta: 1e-6), hosts: [0, 0, 1])
        #expect(
            try CollectivePlan(model: unlimited, algorithm: .ring).description.hasPrefix(
                "collectives: 3 ranks on 2 hosts; network α 1.3 µs, 8 Mbit/s; host α 0 µs, any rate; ring in"))
    }

    // MARK: Properties

    @Test func crossoversMoveWithTheCosts() throws {
        var moved = [0, 0, 0]
        for seed in UInt64(0)..<100 {
            var random = Philox(seed: seed, path: [3])
            let hosts = (0..<2 + random.below(12)).map { $0 }
            let base = connection(
                microseconds: 1 + 200 * random.uniformDouble(), gigabits: 0.1 + 40 * random.uniformDouble())
            var latent = base
            latent.alpha *= 8
            var narrow = base
            narrow.beta *= 8
            narrow.gamma *= 8
            let plans = try [base, latent, narrow].map { try plan(hosts, network: $0) }
            #expect(plans[1].smallBytes >= plans[0].smallBytes, "seed \(seed): dearer messages, fewer steps")
            #expect(plans[2].smallBytes <= plans[0].smallBytes, "seed \(seed): dearer bytes, fewer bytes")
            // Nearly all chunks of a flat ring are as long as they may be already; through leaders, short ones hide the
            // inside of a host where messages are cheap.
            let pairs = hosts.flatMap { [$0, $0] }
            var quick = base
            quick.alpha /= 64
            let (chunk, longer) = try (
                plan(pairs, network: quick, memory: memory, .hierarchical).chunkBytes,
                plan(pairs, network: latent, memory: memory, .hierarchical).chunkBytes
            )
            #expect(plans[1].chunkBytes >= plans[0].chunkBytes, "seed \(seed): dearer messages, longer ones")
            #expect(longer >= chunk, "seed \(seed): dearer messages, longer ones")
            moved[0] += plans[1].smallBytes > plans[0].smallBytes ? 1 : 0
            moved[1] += plans[2].smallBytes < plans[0].smallBytes ? 1 : 0
            moved[2] += longer > chunk ? 1 : 0
        }
        #expect(moved.allSatisfy { $0 > 20 }, "in most of 100 models there is something to move: \(moved)")
    }

    @Test func theCrossoverIsWhereTheTwoWaysCostTheSame() throws {
        // Doubling: 2α + 2βn; ring of four: 6α + 1.5βn. They meet at n = 8α/β.
        let cost = LinkCost(alpha: 100e-6, beta: 1e-8)
        let plan = try plan([0, 1, 2, 3], network: cost)
        #expect(plan.small == .recursiveDoubling && plan.large == .ring)
        #expect(plan.smallBytes == 64 << 10, "the greatest power of two up to 80,000")
    }

    /// Two ranks send as many bytes either way; packed sums take 9/16 of them on the ring alone.
    @Test func packedSumsTakeTheRingFromSmallerSizesOn() throws {
        // Doubling: α + βn; ring of two: 2α + βn, packed 2α + 9/16 βn. They meet at n = 16/7 α/β.
        let cost = LinkCost(alpha: 100e-6, beta: 1e-8)
        let plan = try CollectivePlan(model: CostModel(host: cost, network: cost, hosts: [0, 1]))
        #expect(plan.large == .ring && plan.smallBytes == 4 << 20, "the greatest that is considered")
        #expect(plan.smallPackedBytes == 16 << 10, "the greatest power of two up to 22,857")
        #expect(plan.limits.smallBytes == 4 << 20 && plan.limits.smallPackedBytes == 16 << 10)
        #expect(plan.description.contains("recursive doubling up to 4 MiB (16 KiB of packed sums), then ring"))
        for seed in UInt64(0)..<100 {
            var random = Philox(seed: seed, path: [5])
            let network = connection(
                microseconds: 200 * random.uniformDouble(), gigabits: 0.1 + 40 * random.uniformDouble())
            let plan = try self.plan((0..<2 + random.below(12)).map { $0 }, network: network)
            #expect(plan.smallPackedBytes <= plan.smallBytes, "seed \(seed)")
        }
    }

    @Test func theChosenWayIsTheCheapestAtEitherEnd() throws {
        for seed in UInt64(0)..<100 {
            var random = Philox(seed: seed, path: [4])
            let hosts = (0..<2 + random.below(12)).map { _ in random.below(4) }
            let model = CostModel(
                host: connection(microseconds: 20 * random.uniformDouble(), gigabits: 1 + 50 * random.uniformDouble()),
                network: connection(
                    microseconds: 200 * random.uniformDouble(), gigabits: 0.1 + 40 * random.uniformDouble()),
                sharedMemory: random.chance(0.5) ? memory : nil, hosts: hosts)
            let plan = try CollectivePlan(model: model)
            let small = try #require(model.allReduceSeconds(.auto, bytes: 1024, chunkBytes: plan.chunkBytes))
            #expect(plan.allReduceSeconds(bytes: 1024) <= small, "seed \(seed): \(plan)")
            for way in [AllReduceAlgorithm.ring, .hierarchical, .sharedMemory] {
                let other = model.allReduceSeconds(way, bytes: 25 << 20, chunkBytes: plan.chunkBytes)
                #expect(plan.allReduceSeconds(bytes: 25 << 20) <= other ?? .infinity, "seed \(seed): \(way), \(plan)")
            }
            for chunk in (16...20).map({ 1 << $0 }) where plan.large == .ring || plan.large == .hierarchical {
                let other = try #require(model.allReduceSeconds(plan.large, bytes: 25 << 20, chunkBytes: chunk))
                #expect(plan.allReduceSeconds(bytes: 25 << 20) <= other, "seed \(seed): \(chunk)")
            }
            #expect(plan.limits.chunkBytes == plan.chunkBytes && plan.minimumChunkBytes <= plan.chunkBytes)
            #expect(!plan.description.contains("\n"))
        }
    }

    // MARK: Predictions against the algorithms themselves

    @Test(arguments: [2, 3, 4, 5, 8, 9])
    func predictionsAreWhatTheMessagesTake(ranks: Int) throws {
        // Combining takes no time here: a link does not see it.
        let cost = connection(microseconds: 95, gigabits: 0.94, gamma: 0)
        let model = CostModel(host: cost, network: cost, hosts: Array(0..<ranks))
        for (count, chunk) in [(256, 4096), (30_000, 4096), (300_000, 65536)] {
            let bytes = count * 4
            let limits = CollectiveLimits(chunkBytes: chunk, minimumChunkBytes: chunk, smallBytes: 0)
            func simulated(_ limits: CollectiveLimits, _ collective: Collective) throws -> Double {
                try VirtualTime.run(ranks, cost: { _, _ in cost }) { link in
                    var values = [Float](repeating: 1, count: count)
                    let communicator = Communicator(link: link, limits: limits)
                    try values.withUnsafeMutableBufferPointer { buffer in
                        switch collective {
                        case .allReduce: try communicator.allReduce(buffer, .sum)
                        case .tree: try communicator.treeAllReduce(buffer, .sum)
                        case .broadcast: try communicator.broadcast(buffer, root: 0)
                        }
                    }
                }.map(\.seconds).max() ?? 0
            }
            func check(_ name: String, _ simulated: Double, _ predicted: Double?) {
                #expect(
                    isClose(predicted ?? 0, simulated, 0.03),
                    "\(name), \(bytes) bytes: predicted \(predicted ?? 0), took \(simulated)")
            }
            let small = CollectiveLimits(smallBytes: .max)
            check(
                "ring", try simulated(limits, .allReduce),
                model.allReduceSeconds(.ring, bytes: bytes, chunkBytes: chunk))
            check(
                "doubling", try simulated(small, .allReduce),
                model.allReduceSeconds(.recursiveDoubling, bytes: bytes, chunkBytes: chunk))
            check(
                "tree", try simulated(small, .tree),
                model.allReduceSeconds(.tree, bytes: bytes, chunkBytes: chunk))
            check("tree broadcast", try simulated(small, .broadcast), model.treeBroadcastSeconds(bytes: bytes))
            check(
                "chain broadcast", try simulated(limits, .broadcast),
                model.chainBroadcastSeconds(bytes: bytes, chunkBytes: chunk))
        }
    }

    private enum Collective { case allReduce, tree, broadcast }
}
