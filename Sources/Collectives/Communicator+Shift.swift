/// A shift round the ring in two halves, between which a rank may compute while bytes travel.
extension Communicator {
    /// Sends `memory` to the next rank. It must stay valid and unchanged until `finishShift` has returned.
    ///
    /// - Throws: `CollectiveError`.
    public func sendToNext(_ memory: UnsafeRawBufferPointer) throws {
        try perform("shift", bytes: memory.count) {
            for start in stride(from: 0, to: memory.count, by: limits.chunkBytes) {
                let end = min(start + limits.chunkBytes, memory.count)
                try link.send(UnsafeRawBufferPointer(rebasing: memory[start..<end]), to: (rank + 1) % size)
            }
        }
    }

    /// Fills `memory` with what the previous rank sent next, which must be as long.
    ///
    /// - Throws: `CollectiveError`; `sizeMismatch` where a message is not as long as expected.
    public func receiveFromPrevious(_ memory: UnsafeMutableRawBufferPointer) throws {
        try perform("shift", bytes: memory.count) {
            let left = (rank + size - 1) % size
            for start in stride(from: 0, to: memory.count, by: limits.chunkBytes) {
                let place = UnsafeMutableRawBufferPointer(
                    rebasing: memory[start..<min(start + limits.chunkBytes, memory.count)])
                try link.receive(from: left) { message in
                    guard message.count == place.count else {
                        throw CollectiveError(.sizeMismatch(expected: place.count, got: message.count, from: left))
                    }
                    place.copyMemory(from: message)
                }
            }
        }
    }

    /// Waits until no memory given to `sendToNext` is needed any more: until the next rank has received all of it, or
    /// nearly. Every rank must have called the receives that match all sends before it calls this, or all wait for each
    /// other.
    public func finishShift() throws {
        try perform("shift") { try link.flush() }
    }
}
