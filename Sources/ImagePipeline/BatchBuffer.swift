import Synchronization

/// The memory of a batch: float32, view-major, the first views of all samples in sample order, then all second views, and
/// so on, without a gap; `LoadedBatch.views` tells where each begins. It goes back to its loader's pool when the last
/// reference goes.
///
/// `@unchecked Sendable`: the loader's threads write disjoint parts before anyone else sees the buffer; from then on
/// it has one owner at a time, which may read and write it.
public final class BatchBuffer: @unchecked Sendable {
    /// Aligned to 64 bytes.
    public let floats: UnsafeMutableBufferPointer<Float>
    private let block: BufferPool.Block
    private let pool: BufferPool

    fileprivate init(block: BufferPool.Block, count: Int, pool: BufferPool) {
        self.block = block
        self.pool = pool
        floats = UnsafeMutableBufferPointer(start: block.start, count: count)
    }

    deinit {
        pool.take(back: block)
    }
}

/// Blocks of memory that wait for the next batch.
final class BufferPool: Sendable {
    /// `@unchecked Sendable`: an address that one owner at a time holds; `BufferPool` passes it on.
    struct Block: @unchecked Sendable {
        let start: UnsafeMutablePointer<Float>
        let capacity: Int
    }

    private let idle = Mutex<[Block]>([])
    private let limit: Int

    /// - Parameter limit: More idle blocks than this are freed.
    init(limit: Int) {
        self.limit = limit
    }

    /// A buffer of `count` floats with any content.
    func buffer(count: Int) -> BatchBuffer {
        let found: Block? = idle.withLock { blocks in
            blocks.firstIndex { $0.capacity >= count }.map { blocks.remove(at: $0) }
        }
        return BatchBuffer(block: found ?? Self.allocate(count), count: count, pool: self)
    }

    fileprivate func take(back block: Block) {
        let surplus: Block? = idle.withLock { blocks in
            guard blocks.count >= limit else {
                blocks.append(block)
                return nil
            }
            // The oldest goes: where batches have grown it is too small.
            blocks.append(block)
            return blocks.removeFirst()
        }
        surplus?.start.deallocate()
    }

    private static func allocate(_ count: Int) -> Block {
        let bytes = max(1, count) * MemoryLayout<Float>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        return Block(start: raw.bindMemory(to: Float.self, capacity: max(1, count)), capacity: count)
    }

    deinit {
        idle.withLock { blocks in
            for block in blocks { block.start.deallocate() }
        }
    }
}
