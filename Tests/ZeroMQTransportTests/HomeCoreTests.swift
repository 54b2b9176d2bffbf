import Collectives
import Foundation
import Testing
import ZeroMQTransport

/// Which core a rank's threads meet on, and that they do.
struct HomeCoreTests {
    private func places(ranks: Int, cores: Int, shift: Int = 0) -> [HomeCore.Place] {
        (0..<ranks).map { HomeCore.Place(index: $0, ranks: ranks, cores: cores, shift: shift) }
    }

    @Test func neighboursShareACoreAndOneOfThemStaysAwake() {
        #expect(places(ranks: 4, cores: 2).map(\.core) == [0, 0, 1, 1])
        #expect(places(ranks: 4, cores: 2).map(\.isFirst) == [true, false, true, false])
        #expect(places(ranks: 3, cores: 2).map(\.core) == [0, 0, 1])
        #expect(places(ranks: 4, cores: 2, shift: 1).map(\.core) == [1, 1, 0, 0])
        #expect(places(ranks: 2, cores: 3).map(\.core) == [0, 1])
        #expect(places(ranks: 5, cores: 1).map(\.isFirst) == [true, false, false, false, false])
    }

    @Test func coresAreSharedEvenlyAndEachHasOneThatStaysAwake() {
        for ranks in 1...40 {
            for cores in 1...20 {
                for shift in [0, 1, 7] {
                    let places = places(ranks: ranks, cores: cores, shift: shift)
                    let byCore = Dictionary(grouping: places, by: \.core)
                    #expect(byCore.count == min(ranks, cores))
                    #expect(byCore.keys.allSatisfy { (0..<cores).contains($0) })
                    let counts = byCore.values.map(\.count)
                    #expect(counts.max()! - counts.min()! <= 1)
                    #expect(byCore.values.allSatisfy { $0.count { $0.isFirst } == 1 })
                }
            }
        }
    }

    /// Waits until they have got as far as to give themselves names.
    private func ioThreads(of context: MessagingContext, count: Int) throws -> [Int32] {
        let end = ContinuousClock.now + .seconds(30)
        while context.ioThreadIDs.count < count, ContinuousClock.now < end { sched_yield() }
        let ids = context.ioThreadIDs
        try #require(ids.count == count)
        return ids
    }

    @Test func findsTheContextsOwnIOThreads() throws {
        let contexts = [try MessagingContext(ioThreads: 2), try MessagingContext()]
        let sockets = try contexts.map { try Socket(.push, context: $0, limits: .data, security: .plain) }
        defer { for socket in sockets { socket.close() } }
        let ids = [try ioThreads(of: contexts[0], count: 2), try ioThreads(of: contexts[1], count: 1)]
        #expect(Set(ids[0]).isDisjoint(with: ids[1]))
    }

    @Test(.enabled(if: mayMoveThreads, "threads may not choose their cores here"))
    func keepsIOThreadsForAWhile() throws {
        let context = try MessagingContext(ioThreads: 2)
        let socket = try Socket(.push, context: context, limits: .data, security: .plain)
        defer { socket.close() }
        let everywhere = try #require(CoreSet(ofThread: 0))
        let last = try #require(everywhere.cores.last)
        let count = everywhere.cores.count
        let ids = try ioThreads(of: context, count: 2)
        func ioThreadsCores() -> [CoreSet?] { ids.map { CoreSet(ofThread: $0) } }

        do {
            let home = try #require(HomeCore(of: context, index: count - 1, ranks: count, shift: 0))
            home.keepIOThreads()
            #expect(ioThreadsCores() == [CoreSet(core: last), CoreSet(core: last)])
            home.releaseIOThreads()
            #expect(ioThreadsCores() == [everywhere, everywhere])
            home.keepIOThreads()
            #expect(ioThreadsCores() == [CoreSet(core: last), CoreSet(core: last)])
        }
        #expect(ioThreadsCores() == [everywhere, everywhere], "they are released with it")
    }

    @Test(.enabled(if: mayMoveThreads, "threads may not choose their cores here"))
    func bringsTheCallingThreadWithoutKeepingIt() throws {
        let outcome = onThreads(1) { _ in
            let context = try MessagingContext()
            let everywhere = try #require(CoreSet(ofThread: 0))
            for (index, core) in everywhere.cores.enumerated() {
                let home = try #require(
                    HomeCore(of: context, index: index, ranks: everywhere.cores.count, shift: 0))
                // The kernel may move it on at once, but not always.
                repeat { home.bringCallingThread() } while HomeCore.ofCallingThread != core
                #expect(CoreSet(ofThread: 0) == everywhere)
            }
        }
        _ = try outcome[0].get()
    }

    @Test(.enabled(if: mayMoveThreads, "threads may not choose their cores here"))
    func leavesAThreadAloneThatSomebodyConfined() throws {
        let cores = try #require(CoreSet(ofThread: 0)).cores
        guard cores.count > 1 else { return }
        let outcome = onThreads(1) { _ in
            CoreSet(core: cores[0]).confine(thread: 0)
            return HomeCore(of: try MessagingContext(), index: 0, ranks: 4, shift: 0) == nil
        }
        #expect(try outcome[0].get())
    }

    /// Two ranks on two cores, or as many as it takes for threads to outnumber cores.
    @Test(
        .enabled(
            if: mayMoveThreads && CoreSet.coresOfMachine <= 16, "too many cores to run short of, or none to choose"))
    func aLinksIOThreadsStayHomeDuringABurstOnly() throws {
        let size = CoreSet.coresOfMachine / 2 + 1
        let everywhere = CoreSet(ofThread: 0)
        let outcomes = try withDataPorts(size) { rank, port, peers in
            let link = try port.makeLink(
                rank: rank, peers: peers, runID: 1, generation: 1, abort: try AbortSignal())
            let communicator = Communicator(link: link)
            let ids = port.context.ioThreadIDs
            func isHome() -> Bool { ids.allSatisfy { CoreSet(ofThread: $0)?.cores.count == 1 } }

            /// Until all have seen it at the same time.
            func reachBurst() throws -> Bool {
                for _ in 0..<100_000 {
                    var away: [Int32] = [isHome() ? 0 : 1]
                    try away.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .max) }
                    if away[0] == 0 { return true }
                }
                return false
            }
            func areFree() -> Bool { ids.allSatisfy { CoreSet(ofThread: $0) == everywhere } }

            let wereHome = try reachBurst()
            // A long message is none of a burst.
            var long = [Float](repeating: 1, count: 1 << 20)
            try long.withUnsafeMutableBufferPointer { try communicator.allReduce($0, .sum) }
            let wereFree = areFree()
            let wereHomeAgain = try reachBurst()
            link.close()
            return [wereHome, wereFree, wereHomeAgain, areFree()]
        }
        for outcome in outcomes {
            #expect(try outcome.get() == [true, true, true, true])
        }
    }
}

/// Whether this thread may use all cores, and choose among them.
private var mayMoveThreads: Bool {
    guard let everywhere = CoreSet(ofThread: 0), everywhere.cores.count == CoreSet.coresOfMachine else { return false }
    return onThreads(1) { _ in
        let core = CoreSet(core: everywhere.cores[0])
        core.confine(thread: 0)
        return CoreSet(ofThread: 0) == core
    }.allSatisfy { (try? $0.get()) == true }
}
