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
          "graph: \(graph.name) takes images of \(graph.inputShape) and has \(graph.classes) "
            + "classes, but \(specification.inputShape) and \(specification.classes) are requested; "
            + "leave network.architecture and network.preprocessing.resize out (--architecture, "
            + "--resize), or resize to \(graph.inputShape[1])x\(graph.inputShape[0])")
      }
      for name in specification.channelsFirstInKeras ?? [] {
        guard case .flatten = graph.nodes.first(where: { $0.name == name })?.layer else {
          throw NetworkError(
            "graph: channelsFirstInKeras names \(name.prefix(100)), which flattens no image")
        }
      }
      return graph
    }
  ]
}
