/// A collective that did not come to its end: why, and where it stood.
///
/// After an error the buffers of the collective hold unspecified values and the communicator is of no further use.
public struct CollectiveError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Cause: Equatable, Sendable {
        /// This process was told to stop.
        case aborted(reason: String)
        /// The connection to a rank broke, or it refuses us.
        case peerLost(rank: Int, reason: String)
        /// A rank sent another number of bytes than the collective needs: the ranks do not call the same collectives
        /// with the same sizes.
        case sizeMismatch(expected: Int, got: Int, from: Int)
        /// The arguments do not fit this communicator.
        case invalidArgument(String)
        /// The link failed in another way.
        case transport(String)
        /// An earlier collective failed, and said so.
        case unusable(earlier: String)
    }

    /// How far a collective had come.
    public struct Place: Equatable, Sendable, CustomStringConvertible {
        public var collective: String
        /// The step in progress, from 1, of `steps`; 0 before the first.
        public var step: Int
        public var steps: Int
        public var rank: Int
        public var size: Int

        public init(collective: String, step: Int, steps: Int, rank: Int, size: Int) {
            self.collective = collective
            self.step = step
            self.steps = steps
            self.rank = rank
            self.size = size
        }

        public var description: String {
            "\(collective), step \(step) of \(steps), on rank \(rank) of \(size)"
        }
    }

    public var cause: Cause
    /// Nil where a link was used without a communicator.
    public var place: Place?

    public init(_ cause: Cause, at place: Place? = nil) {
        self.cause = cause
        self.place = place
    }

    public static func aborted(reason: String) -> CollectiveError {
        CollectiveError(.aborted(reason: reason))
    }

    public static func peerLost(rank: Int, reason: String) -> CollectiveError {
        CollectiveError(.peerLost(rank: rank, reason: reason))
    }

    public var description: String {
        let what =
            switch cause {
            case .aborted(let reason): "aborted: \(reason)"
            case .peerLost(let rank, let reason): "lost rank \(rank): \(reason)"
            case .sizeMismatch(let expected, let got, let peer):
                "rank \(peer) sent \(got) bytes where \(expected) were due; all ranks must call the same collectives "
                    + "with the same sizes"
            case .invalidArgument(let problem): "invalid argument: \(problem)"
            case .transport(let problem): "the link failed: \(problem)"
            case .unusable(let earlier): "this communicator is of no further use since an earlier error: \(earlier)"
            }
        guard let place else { return "collective: \(what)" }
        return "\(place): \(what)"
    }
}
