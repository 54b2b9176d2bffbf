/// Exit codes that the coordination of a run gives; a job adds its own through `failed`.
public enum ExitCode {
    /// Done, or left as asked.
    public static let success: Int32 = 0
    /// The members of a ring contradict each other: a mistake of this program.
    public static let inconsistent: Int32 = 1
    /// No cluster: the coordinator is out of reach or fell silent, or too few workers came.
    public static let noCluster: Int32 = 5
    /// A worker of the ring was lost.
    public static let workerLost: Int32 = 6
    /// The coordinator refused this worker.
    public static let refused: Int32 = 8
    /// Stopped from outside (SIGINT or SIGTERM), the state saved if there was time.
    public static let stopped: Int32 = 130

    /// Whether a ring member that fails with `code` complains of others, not of itself: its network or a peer.
    static func blamesOthers(_ code: Int32) -> Bool {
        code == noCluster || code == workerLost
    }
}
