/// One message with its header: what crosses the control channel.
public struct Frame: Equatable, Sendable {
    public var version: ProtocolVersion
    public var runID: RunID
    /// The sender's generation; `form` carries the new one.
    public var generation: Generation
    public var message: Message

    /// - Parameter generation: the sender's.
    public init(
        version: ProtocolVersion = .current, runID: RunID, generation: Generation, message: Message
    ) {
        self.version = version
        self.runID = runID
        self.generation = generation
        self.message = message
    }

    /// The bytes of the frame, at most `WireLimit.frame`.
    ///
    /// Texts over their limit are cut; a payload over its limit is a mistake of the caller and traps.
    public func encoded() -> [UInt8] {
        var writer = WireWriter()
        writer.raw(WireHeader.magic)
        writer.integer(version.rawValue)
        writer.integer(message.id.rawValue)
        writer.integer(runID.rawValue)
        writer.integer(generation.rawValue)
        message.write(to: &writer)
        return writer.bytes
    }
}

/// What received bytes turned out to be.
public enum IncomingFrame: Equatable, Sendable {
    case frame(Frame)
    /// A frame of our kind in another protocol version; only what is the same in all versions was read.
    case otherVersion(OtherVersionFrame)

    /// Reads a whole frame.
    ///
    /// - Parameter version: what the reader speaks.
    /// - Throws: `WireError` with place and cause; never traps, whatever the bytes.
    public init(decoding bytes: [UInt8], as version: ProtocolVersion = .current) throws(WireError) {
        var reader = WireReader(bytes, context: "frame")
        guard bytes.count <= WireLimit.frame else {
            throw reader.failure("length", .tooLong(length: bytes.count, limit: WireLimit.frame))
        }
        guard try reader.raw(WireHeader.magic.count, "magic") == WireHeader.magic else {
            throw WireError(place: "frame.magic", offset: 0, cause: .notOurs)
        }
        let sent = ProtocolVersion(try reader.integer("version"))
        let atMessage = reader
        let number = try reader.integer("message", as: UInt8.self)
        let runID = RunID(try reader.integer("runID"))
        guard sent == version else {
            let refusal = number == MessageID.refuse.rawValue ? try Self.refusal(from: reader) : nil
            self = .otherVersion(
                OtherVersionFrame(version: sent, messageNumber: number, runID: runID, refusal: refusal))
            return
        }
        let generation = Generation(try reader.integer("generation"))
        guard let id = MessageID(rawValue: number) else {
            throw atMessage.failure("message", .unknownMessage(number))
        }
        reader.context = "\(id)"
        let message = try Message.read(id, from: &reader)
        try reader.end()
        self = .frame(Frame(version: sent, runID: runID, generation: generation, message: message))
    }

    private static func refusal(from reader: WireReader) throws(WireError) -> Message.Refusal {
        var reader = reader
        reader.context = "refuse"
        _ = try reader.integer("generation", as: UInt64.self)
        return try Message.Refusal(from: &reader)
    }
}

/// As much of a frame of another protocol version as all versions agree on; enough to refuse it or to read its refusal.
public struct OtherVersionFrame: Equatable, Sendable {
    public var version: ProtocolVersion
    public var messageNumber: UInt8
    public var runID: RunID
    /// Set if the frame is a `refuse`.
    public var refusal: Message.Refusal?

    /// - Parameter refusal: what it says if it is a `refuse`.
    public init(version: ProtocolVersion, messageNumber: UInt8, runID: RunID, refusal: Message.Refusal? = nil) {
        self.version = version
        self.messageNumber = messageNumber
        self.runID = runID
        self.refusal = refusal
    }
}
