import Foundation

/// What the system says of the process' memory.
public enum ResidentMemory {
    /// Bytes of the process in memory now; 0 where the system does not tell.
    public static var bytes: Int { kibibytes("VmRSS") << 10 }

    /// The most that there were since the start or the last `resetPeak`.
    public static var peakBytes: Int { kibibytes("VmHWM") << 10 }

    /// Begins another peak; of no effect where the system does not let it.
    public static func resetPeak() {
        guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
        defer { try? file.close() }
        try? file.write(contentsOf: Data("5".utf8))
    }

    /// A line of `/proc/self/status`.
    private static func kibibytes(_ name: String) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") }),
            let number = line.split(whereSeparator: { !$0.isNumber }).first
        else { return 0 }
        return Int(number) ?? 0
    }
}
