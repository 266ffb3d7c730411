#!/usr/bin/env php
<?php
// A listener in PHP: texts the customer and the provider of an appointment
// through an HTTP gateway. Run by plugins/exec, once per event.
//   command: [php, sms.php]      env: {SMS_URL: …, SMS_TOKEN: {env: SMS_TOKEN}}
declare(strict_types=1);

// PHP prints its warnings to stdout, where answers go.
ini_set('display_errors', 'stderr');

const RETRY = 75;
const REJECTED = 65;
const UNAVAILABLE = 69;
const SKIPPED = 99;

/** Ends the program; the host reads the exit code and the last line of stderr. */
function finish(int $code, string $why): never
{
    fwrite(STDERR, $why . "\n");
    exit($code);
}

/** One answer per line; a receipt counts at once, whatever happens afterwards. */
function answer(array $answer): void
{
    echo json_encode($answer, JSON_THROW_ON_ERROR), "\n";
}

$event = json_decode(stream_get_contents(STDIN), true, 64, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
$payload = $event['payload'];
$start = $payload['appointment']['start_datetime'] ?? finish(REJECTED, 'the payload has no appointment');
$people = [];
foreach (['customer' => 'phone_number', 'provider' => 'mobile_number'] as $who => $field) {
    if (!empty($payload[$who][$field])) {
        $people["$who:{$payload[$who]['id']}"] = $payload[$who][$field];
    }
}
if (!$people) {
    finish(SKIPPED, 'nobody has a phone number');
}

foreach ($people as $key => $phone) {
    if (isset($event['receipts'][$key]) || $event['dry_run']) {
        continue; // told by an earlier attempt
    }
    $body = @file_get_contents(getenv('SMS_URL'), false, stream_context_create(['http' => [
        'method' => 'POST',
        'header' => ['Content-Type: application/json', 'Authorization: Bearer ' . getenv('SMS_TOKEN'),
            "Idempotency-Key: {$event['idempotency_key']}.$key"],
        'content' => json_encode(['to' => $phone, 'text' => "Your appointment: $start"], JSON_THROW_ON_ERROR),
        'timeout' => 10,
        'ignore_errors' => true,
    ]]));
    $status = (int) (explode(' ', $http_response_header[0] ?? '')[1] ?? 0);
    match (true) {
        $status >= 200 && $status < 300 => answer(['receipts' => [['key' => $key, 'external_id' => json_decode($body, true)['id'] ?? '']]]),
        $status === 401 || $status === 403 => finish(UNAVAILABLE, 'the gateway refuses SMS_TOKEN'),
        $status === 0 => finish(RETRY, 'the gateway does not answer'),
        default => finish(RETRY, "the gateway answered $status"),
    };
}
