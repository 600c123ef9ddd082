/// PyTorch's state dict: the graph's own names, filters [K, C, R, S].
enum StateDictLayout {
  static func match(_ layers: [ParameterizedLayer], in container: any TensorContainer)
    -> LayoutMatch
  {
    var match = LayoutMatch()
    var names: Set<String> = []
    for parameter in layers.flatMap(\.parameters) {
      names.insert(parameter.name)
      let order = order(of: parameter)
      let shape = order.storedShape(of: parameter.shape)
      match.add(parameter, parameter.name, order, in: container, expecting: shape) { $0 == shape }
    }
    for stored in container.parameters
    where !names.contains(stored.name) && !isBatchCountName(stored.name) {
      match.problems.append(
        .init(
          dataset: stored.name,
          "has shape \(stored.shape), but the network has no parameter of this name"))
    }
    return match
  }

  static func order(of parameter: ParameterSpecification) -> AxisOrder {
    parameter.shape.rank == 4 ? .channelsFirst : .same
  }
}
