/// The version of the wire format. Any change that an older program would misread raises it.
public struct ProtocolVersion: Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8

    /// The version of this number, also one that this program does not speak.
    public init(_ rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// What this program speaks.
    public static let current = ProtocolVersion(1)

    public var description: String { String(rawValue) }
}

/// Every limit of the control channel. A frame beyond one is refused before anything is allocated for it.
public enum WireLimit {
    /// Bytes of one encoded frame; what a transport sets as its maximum message size on the control channel.
    public static let frame = job + 64 * 1024
    /// Bytes of the job description in `welcome`.
    public static let job = 1 << 20
    /// Bytes of the payload of `progress`.
    public static let progress = 64 * 1024
    /// Bytes of the payload of `finished`.
    public static let result = 1 << 20
    /// UTF-8 bytes of a host name.
    public static let host = 255
    /// UTF-8 bytes of an endpoint, such as `tcp://10.0.0.1:40123`.
    public static let endpoint = 255
    /// UTF-8 bytes of the name of a phase of a step, such as `backward`.
    public static let phase = 64
    /// UTF-8 bytes of any other text: reasons, warnings, outcomes.
    public static let text = 4096
    /// Bytes of a data public key (Curve25519), when there is one.
    public static let publicKey = 32
    /// Workers that a coordinator keeps in its table, in the ring and standing by.
    public static let members = 1024
}

/// The number of each message on the wire. Append only: a number is never given to another message.
///
/// Numbers below 128 go from a worker to the coordinator, the others from the coordinator to a worker.
public enum MessageID: UInt8, CaseIterable, Sendable {
    case join = 1
    case prepared = 2
    case heartbeat = 3
    case progress = 4
    case idle = 5
    case leave = 6
    case failed = 7
    case suspect = 8
    case notice = 9
    case finished = 10

    case welcome = 128
    /// Number and layout are the same in all versions, so that programs of two versions understand each other's refusal.
    case refuse = 129
    case form = 130
    case standby = 131
    case yield = 132
    case abort = 133
    case end = 134
    case coordinatorHeartbeat = 135

    /// Whether a coordinator sends it.
    public var isFromCoordinator: Bool { rawValue >= 128 }
}

/// The header before every message: 22 bytes, whose first 14 keep their place in all versions.
///
/// | bytes | field |
/// | --- | --- |
/// | 0–3 | magic `MURM` |
/// | 4 | protocol version |
/// | 5 | message number |
/// | 6–13 | run id, little-endian |
/// | 14–21 | generation, little-endian |
public enum WireHeader {
    public static let magic: [UInt8] = Array("MURM".utf8)
    public static let length = 22
}
