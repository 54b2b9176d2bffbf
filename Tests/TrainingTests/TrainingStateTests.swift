import Checkpoints
import Configuration
import Contrastive
import Testing
import Training

/// The state as a checkpoint's groups, and as what ranks hand each other.
@Suite struct TrainingStateTests {
    static func run(_ optimizer: (RunConfiguration.Optimizer.Name, Double), seed: UInt64 = 11) throws -> TestRun {
        TestRun(
            try tinyRun(steps: 2) {
                $0.optimizer.name = optimizer.0
                $0.optimizer.learningRate = optimizer.1
                $0.seed = seed
            })
    }

    static func contents(_ groups: [String: [TensorRecord]], step: Int = 2) -> CheckpointContents {
        CheckpointContents(step: step, epoch: 0, runID: "test", created: 0, configuration: "", groups: groups)
    }

    @Test(arguments: optimizerSettings)
    func aFreshTrainerOfAnotherSeedTakesOverAllOfIt(
        optimizer: (RunConfiguration.Optimizer.Name, Double)
    ) throws {
        let groups = try Self.run(optimizer).reports(on: 1)[0].state
        let fresh = try Self.run(optimizer, seed: 12).trainer(rank: 0)
        let isAnother = try fresh.state.groups() != groups
        #expect(isAnother)
        try fresh.state.restore(Self.contents(groups))
        try expectSameBits(fresh.state.groups(), groups)
        #expect(fresh.state.completedSteps == 2)
    }

    @Test func theGroupsAreBackboneHeadsAndOptimizer() throws {
        let groups = try Self.run(optimizerSettings[2]).trainer(rank: 0).state.groups()
        #expect(Set(groups.keys) == [CheckpointGroup.backbone, CheckpointGroup.heads, CheckpointGroup.state])
        func names(_ group: String) -> [String] { (groups[group] ?? []).map(\.name) }
        #expect(names(CheckpointGroup.backbone).contains("layer1.0.bn1.running_mean"))
        #expect(names(CheckpointGroup.heads).contains("projector.0.weight"))
        #expect(names(CheckpointGroup.state).contains("second_moment.encoder.conv1.weight"))
    }

    @Test(arguments: [CheckpointGroup.backbone, CheckpointGroup.heads, CheckpointGroup.state])
    func aMissingGroupIsNamed(group: String) throws {
        let trainer = try Self.run(optimizerSettings[0]).trainer(rank: 0)
        var groups = try trainer.state.groups()
        groups[group] = nil
        let error = try #require(throws: TrainingError.self) { try trainer.state.restore(Self.contents(groups)) }
        #expect(error.description.contains("'\(group)'"))
    }

    /// Each way in which a tensor can fail to fit, at a tensor of each group.
    @Test(arguments: [
        (CheckpointGroup.backbone, "layer4.1.bn2.running_var"), (CheckpointGroup.heads, "projector.3.weight"),
        (CheckpointGroup.state, "momentum.encoder.layer2.0.conv1.weight"),
    ])
    func aTensorThatDoesNotFitIsNamed(group: String, name: String) throws {
        let trainer = try Self.run(optimizerSettings[0]).trainer(rank: 0)
        let groups = try trainer.state.groups()
        let position = try #require(groups[group]?.firstIndex { $0.name == name })
        func refusal(_ change: (inout [TensorRecord]) -> Void) throws -> String {
            var changed = groups
            change(&changed[group, default: []])
            let error = try #require(throws: ContrastiveError.self) {
                try trainer.state.restore(Self.contents(changed))
            }
            return "\(error)"
        }
        #expect(try refusal { $0.remove(at: position) }.contains("'\(name)'"))
        #expect(try refusal { $0[position].name = "other" }.contains("'\(name)'"))
        #expect(try refusal { $0.append(.init(name: "stray", shape: [1], floats: [0])) }.contains("'stray'"))
        #expect(try refusal { $0.append($0[position]) }.contains("'\(name)' is given twice"))
        let reshaped = try refusal { $0[position] = .init(name: name, shape: [3], floats: [1, 2, 3]) }
        #expect(reshaped.contains("'\(name)'") && reshaped.contains("[3]"))
        #expect(trainer.state.completedSteps == 0)
    }

    @Test(arguments: 0..<3)
    func theSourcesStateIsEveryones(source: Int) throws {
        let trained = try Self.run(optimizerSettings[2]).reports(on: 1)[0].state
        let results = onRanks(3) { communicator in
            let rank = communicator.rank
            let trainer = try Self.run(optimizerSettings[2], seed: UInt64(100 + rank)).trainer(rank: rank)
            if rank == source { try trainer.state.restore(Self.contents(trained)) }
            try trainer.state.broadcast(from: source, over: communicator)
            return (try trainer.state.groups(), trainer.state.completedSteps)
        }
        for result in results {
            let (groups, steps) = try result.get()
            expectSameBits(groups, trained)
            #expect(steps == 2)
        }
    }

    @Test func recordsKeepTheirBits() throws {
        let floats: [Float] = [-0.0, .infinity, .nan, 1.5]
        let record = TensorRecord(name: "x", shape: [2, 2], floats: floats)
        #expect(try TensorRecord(name: "x", record.tensor()) == record)
        let turned = try record.tensor().transposed(0, 1)
        #expect(
            try TensorRecord(name: "x", turned).floats?.map(\.bitPattern) == [0, 2, 1, 3].map { floats[$0].bitPattern })
    }
}
