import Foundation

/// The worker processes that a launcher started on this machine: spawned, watched, and ended with it.
///
/// Workers are spawned from the executable, never forked, because libtorch and libzmq do not survive a fork.
/// Not thread-safe: one thread owns it.
public final class ChildProcesses {
    /// How a child ended.
    public struct Exit: Equatable, Sendable {
        public let pid: Int32
        /// In words: `exit code 3`, `killed by signal 9`.
        public let status: String
        public let code: Int32?
    }

    private var running: Set<Int32> = []

    public init() {}

    deinit { killAll() }

    /// Starts this very executable with `arguments`, in a process group of its own so that a Ctrl-C at the terminal
    /// reaches only the launcher, which then ends the run in order.
    ///
    /// - Returns: the child's pid.
    /// - Throws: `Failure` when the system cannot start another process.
    @discardableResult
    public func spawn(arguments: [String], environment: [String: String]) throws -> Int32 {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)

        let executable = "/proc/self/exe"
        let path = (try? FileManager.default.destinationOfSymbolicLink(atPath: executable)) ?? executable
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for word in argv + envp { free(word) }
        }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, path, nil, &attributes, &argv, &envp)
        guard error == 0 else {
            throw Failure(.internalError, "cannot start \(path): \(String(cString: strerror(error)))")
        }
        running.insert(pid)
        return pid
    }

    /// Collects the children that have ended since the last call, without waiting.
    public func reap() -> [Exit] {
        running.compactMap { pid in
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            running.remove(pid)
            let signal = status & 0x7f
            if signal == 0 {
                let code = (status >> 8) & 0xff
                return Exit(pid: pid, status: "exit code \(code)", code: code)
            }
            return Exit(pid: pid, status: "killed by signal \(signal)", code: nil)
        }
    }

    /// Kills what still runs and waits for it, so that nothing outlives the run.
    public func killAll() {
        for pid in running {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
        }
        running = []
    }
}
