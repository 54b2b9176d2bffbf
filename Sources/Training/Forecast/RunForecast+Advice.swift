import Configuration

extension RunForecast {
    /// Changes of which each by itself makes the run fit into `limit` bytes a worker, as words for a user; empty where
    /// none of them does.
    public static func advice(
        _ measurement: ProbeMeasurement, of configuration: RunConfiguration, on cluster: Cluster, limit: Int
    ) -> [String] {
        func fits(
            _ measurement: ProbeMeasurement, _ changed: RunConfiguration, _ cluster: Cluster
        ) -> RunForecast? {
            let forecast = RunForecast(measurement, of: changed, on: cluster)
            return forecast.bytes <= Double(limit) ? forecast : nil
        }
        let before = RunForecast(measurement, of: configuration, on: cluster)
        var advice: [String] = []
        // The budget is kept to in whole mebibytes, a little below the limit.
        let budget = MemorySize(bytes: max(1, limit >> 20) << 20)
        var replaying = configuration
        if replaying.batchNorm == .sync { replaying.batchNorm = .slice }
        replaying.memoryBudget = budget
        let norm = configuration.batchNorm == .sync ? "batch_norm=slice " : ""
        if configuration.memoryBudget != budget, let forecast = fits(measurement, replaying, cluster) {
            let cost = Int((100 * (forecast.seconds / before.seconds - 1)).rounded())
            advice.append("\(norm)memory_budget=\(budget) (\(cost) % more time)")
        } else if let size = [2, 4, 8, 16].map({ configuration.sliceSize / $0 }).first(where: { size in
            var smaller = replaying
            smaller.sliceSize = size
            return size > 1
                && fits(measurement.scaled(from: configuration.sliceSize, to: size), smaller, cluster) != nil
        }) {
            advice.append("\(norm)memory_budget=\(budget) slice_size=\(size)")
        }
        if configuration.loader.prefetch > 1 {
            var shorter = configuration
            shorter.loader.prefetch = 1
            if fits(measurement, shorter, cluster) != nil { advice.append("loader.prefetch=1") }
        }
        let most = (configuration.globalBatch + configuration.sliceSize - 1) / configuration.sliceSize
        let more = (cluster.workers + 1..<max(cluster.workers + 2, most + 1)).first { workers in
            var larger = cluster
            larger.workers = workers
            return workers <= most && fits(measurement, configuration, larger) != nil
        }
        if let more { advice.append("\(more) workers") }
        return advice
    }
}

extension ProbeMeasurement {
    /// As if slices had another size: graphs and time are proportional to it.
    fileprivate func scaled(from old: Int, to new: Int) -> ProbeMeasurement {
        var result = self
        let ratio = Double(new) / Double(old)
        result.steps = steps.map { step in
            var step = step
            step.tensorBytes = Int(Double(step.tensorBytes) * ratio)
            step.forward *= ratio
            step.loss *= ratio
            step.backward *= ratio
            return step
        }
        return result
    }
}
