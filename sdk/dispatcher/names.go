package dispatcher

// Names of the events that Earshot's own listeners understand. Any other name
// of up to 100 printable ASCII characters may be used too.
const (
	AppointmentSaved   = "appointment.saved"
	AppointmentUpdated = "appointment.updated"
	AppointmentDeleted = "appointment.deleted"
)
