/// Is told of each collective of one communicator, on the communicator's thread.
///
/// Every `began…` has its `ended`, also where the collective throws; collectives made of others nest.
public protocol CollectiveObserver: AnyObject {
    /// - Parameters:
    ///   - collective: `all-reduce`, `broadcast`, …
    ///   - bytes: of the whole buffer on this rank; 0 where there is none.
    func began(_ collective: String, bytes: Int)

    /// The collective that began last goes on by this algorithm; one made of several says each.
    func proceeds(by algorithm: String)

    /// In a wait of the collective that began last, a piece of its caller's work begins (`SpareWork`).
    func beganSpareWork()

    /// What began last, and has not ended, ends.
    func ended()
}
