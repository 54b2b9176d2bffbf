import Foundation
import Training

/// Shows a run's progress on standard output: one line that rewrites itself on a terminal, plain lines otherwise.
final class ProgressPrinter {
    private let totalSteps: Int
    private let every: Int
    private let isTerminal = isatty(STDOUT_FILENO) == 1
    /// Smoothed over about twenty steps.
    private var secondsPerStep: Double?
    private var lastTime: Double?
    private var lineIsOpen = false

    /// - Parameter every: plain lines come every so many steps, and after the first and the last.
    init(totalSteps: Int, every: Int) {
        self.totalSteps = totalSteps
        self.every = max(every, 1)
    }

    func show(_ record: StepRecord) {
        if let lastTime {
            let taken = record.time - lastTime
            secondsPerStep = secondsPerStep.map { $0 + (taken - $0) / 20 } ?? taken
        }
        lastTime = record.time
        let line = text(record)
        if isTerminal {
            emit("\r\u{1B}[K" + line)
            lineIsOpen = true
        } else if record.step == 1 || record.step == totalSteps || record.step % every == 0 {
            emit(line + "\n")
        }
    }

    /// Ends the rewritten line, so that something else can be printed.
    func breakLine() {
        guard lineIsOpen else { return }
        emit("\n")
        lineIsOpen = false
    }

    private func text(_ record: StepRecord) -> String {
        let loss = String(format: "%.4f", record.loss)
        let rate = String(format: "%.1f", record.imagesPerSecond)
        let workers = "\(record.workers) worker\(record.workers == 1 ? "" : "s")"
        var parts = ["step \(record.step)/\(totalSteps)", "loss \(loss)", "\(rate) images/s", workers]
        if let hidden = record.hiddenShare {
            parts.append(String(format: "communication %.0f%% hidden", hidden * 100))
        }
        if let secondsPerStep {
            parts.append("\(Self.duration(Double(totalSteps - record.step) * secondsPerStep)) left")
        }
        return parts.joined(separator: "  ")
    }

    private func emit(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// `42 s`, `3 min 05 s`, `2 h 07 min`.
    static func duration(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
        return String(format: "%d h %02d min", whole / 3600, whole / 60 % 60)
    }
}
