/// What a checkpoint holds: tensors in groups, and what the run was.
///
/// Tensors stand for the whole run, never for one worker's part, so that any number of workers can resume it.
public struct CheckpointContents: Sendable, Equatable {
    /// Optimiser steps done.
    public var step: Int
    /// Epochs begun, counted from 0.
    public var epoch: Int
    /// Identifies the run across resumptions.
    public var runID: String
    /// When it was saved, in Unix seconds.
    public var created: Double
    /// The settings that a run must share to resume this one (`RunConfiguration.trajectoryText`).
    public var configuration: String
    /// Whatever else a reader needs, such as the encoder's name or the position in the epoch.
    public var metadata: [String: String]
    /// Tensors by group; each group is one file. The usual ones are `backbone` (the encoder under torchvision's names),
    /// `heads` and `state` (optimiser and all else).
    public var groups: [String: [TensorRecord]]

    /// - Parameters: as the properties.
    public init(
        step: Int, epoch: Int, runID: String, created: Double, configuration: String,
        metadata: [String: String] = [:], groups: [String: [TensorRecord]]
    ) {
        self.step = step
        self.epoch = epoch
        self.runID = runID
        self.created = created
        self.configuration = configuration
        self.metadata = metadata
        self.groups = groups
    }
}

/// A checkpoint on disk whose manifest and hashes held when it was looked at.
public struct CheckpointLocation: Sendable, Equatable {
    /// The step directory.
    public let path: String
    public let manifest: CheckpointManifest

    public var step: Int { manifest.step }
}
