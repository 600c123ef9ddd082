/// A network given layer by layer in the specification itself.
enum GraphNetwork {
  static let families = [
    NetworkFamily("graph", options: [.graph]) { (specification) throws(NetworkError) in
      guard let graph = specification.graph else {
        throw NetworkError("graph needs \"graph\": the layers of the network")
      }
      guard graph.inputShape == specification.inputShape,
        graph.classes == specification.classes
          || graph.output == .binary && specification.classes == 1
      else {
        throw NetworkError(
          "graph: \(graph.name) takes \(graph.inputShape) and has \(graph.classes) classes, "
            + "the specification says \(specification.inputShape) and \(specification.classes)")
      }
      return graph
    }
  ]
}
