/// One rank's connections to all others of its generation: ordered messages, nothing else.
///
/// A link belongs to one thread and to one generation; the next generation gets a new link.
///
/// **Messages.** Each `send` is one message; its length (zero allowed) is kept. Messages from one rank to another arrive
/// in the order in which they were sent; between different pairs there is no order.
///
/// **Buffers.** `send` may hand the memory itself to the transport. It must stay valid and unchanged until one of:
/// - `flush` returned;
/// - this rank received a message that the peer, or another rank after hearing from it, could only send after it had
///   received this one (the algorithm's causality then proves that the bytes have left);
/// - `cancel` returned.
///
/// That `receive` from the same peer returned proves nothing: the two messages may have crossed.
///
/// **Errors.** Calls throw `CollectiveError`. After any error only `cancel` may be called.
public protocol Link: AnyObject {
    /// This process' place in the ring, in `0..<size`.
    var rank: Int { get }
    /// The number of ranks.
    var size: Int { get }

    /// Queues one message. May wait for room in the queue, and takes in what arrives meanwhile, so that ranks which all
    /// send first do not wait for each other.
    func send(_ bytes: UnsafeRawBufferPointer, to peer: Int) throws

    /// Waits for the next message from `peer` and shows its bytes in place: they are valid only within `body`, and
    /// may begin at any address (do not bind them to a type with an alignment).
    func receive(from peer: Int, _ body: (UnsafeRawBufferPointer) throws -> Void) throws

    /// Whether the next message from `peer` is here, so that `receive` would not wait for it. Does not wait itself.
    func hasArrived(from peer: Int) throws -> Bool

    /// Waits until no buffer given to `send` is needed any more. Not a barrier: peers may not have read them yet.
    func flush() throws

    /// Gives up: drops what is queued, disconnects, and returns when no buffer given to `send` will be read any more.
    func cancel()
}
