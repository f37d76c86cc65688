package main

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/observer/types"
)

// An event is what a line of `hubble observe -o jsonpb` or of the exporter holds: a flow, lost events or an agent event.
type event struct {
	time    time.Time
	payload any
}

var unmarshal = protojson.UnmarshalOptions{DiscardUnknown: true}

// parseLine accepts the wrapped form and, as older releases print it, the bare flow.
func parseLine(line []byte) (event, error) {
	wrapped := &observerpb.ExportEvent{}
	if err := unmarshal.Unmarshal(line, wrapped); err != nil {
		return event{}, err
	}
	at := wrapped.GetTime().AsTime()
	switch {
	case wrapped.GetLostEvents().GetSource() == flowpb.LostEventSource_HUBBLE_RING_BUFFER:
		return event{}, fmt.Errorf("the ring makes HUBBLE_RING_BUFFER events itself, when a reader is slow, and stops at one that is fed")
	case wrapped.GetLostEvents() != nil:
		return event{at, wrapped.GetLostEvents()}, nil
	case wrapped.GetAgentEvent() != nil:
		return event{at, wrapped.GetAgentEvent()}, nil
	case wrapped.GetFlow() != nil:
		return event{wrapped.GetFlow().GetTime().AsTime(), wrapped.GetFlow()}, nil
	case bytes.Contains(line, []byte(`"verdict"`)):
		bare := &flowpb.Flow{}
		if err := unmarshal.Unmarshal(line, bare); err != nil {
			return event{}, err
		}
		return event{bare.GetTime().AsTime(), bare}, nil
	}
	return event{}, fmt.Errorf("neither a flow nor lost events nor an agent event")
}

// monitorEvent is the form in which the agent hands an event to the observer; at is the time it shall have.
func (e event) monitorEvent(node string, at time.Time) *types.MonitorEvent {
	if flow, ok := e.payload.(*flowpb.Flow); ok {
		flow.Time = timestamppb.New(at)
		if flow.Uuid == "" {
			flow.Uuid = uuid.NewString()
		}
		if flow.NodeName == "" {
			flow.NodeName = node
		}
	}
	return &types.MonitorEvent{Timestamp: at, NodeName: node, Payload: e.payload}
}

// Decode implements parser.Decoder: the payload is the decoded event already, where the agent would parse a packet.
func (f *feed) Decode(e *types.MonitorEvent) (*v1.Event, error) {
	return &v1.Event{Timestamp: timestamppb.New(e.Timestamp), Event: e.Payload}, nil
}
