import ClusterProtocol
import Testing
