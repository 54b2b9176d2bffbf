import Randomness
import SharedMemoryTransport
import Testing

@Suite struct SharedArenaTests {
    @Test func blocksAreZeroAndNeverOverlap() throws {
        let arena = try SharedArena(capacity: 1 << 20)
        var random = Philox(seed: 3, path: [])
        var blocks: [(block: SharedBlock, mark: UInt8)] = []
        for round in 0..<2000 {
            if random.chance(0.45), !blocks.isEmpty {
                let taken = blocks.remove(at: random.below(blocks.count))
                #expect(taken.block.memory.allSatisfy { $0 == taken.mark }, "seed 3, round \(round)")
            } else if let block = try? arena.allocate(bytes: random.below(60_000)) {
                #expect(block.memory.allSatisfy { $0 == 0 }, "seed 3, round \(round)")
                let mark = UInt8(1 + round % 255)
                block.memory.initializeMemory(as: UInt8.self, repeating: mark)
                blocks.append((block, mark))
            }
        }
        #expect(blocks.allSatisfy { entry in entry.block.memory.allSatisfy { $0 == entry.mark } }, "seed 3")
        blocks = []
        // All came back in one piece.
        _ = try arena.allocate(bytes: 1 << 20)
    }

    @Test func aFullArenaSaysSoInOneLine() throws {
        let arena = try SharedArena(capacity: 8192)
        let block = try arena.allocate(bytes: 5000)
        let error = #expect(throws: SharedMemoryError.self) { try arena.allocate(bytes: 1) }
        withExtendedLifetime(block) {}
        #expect(error?.description == "cannot allocate 1 bytes of shared memory: the arena of 8192 bytes is full")
    }
}
