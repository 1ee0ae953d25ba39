#!/usr/bin/perl
# An SMS centre for tests, on Net::SMPP (Debian's libnet-smpp-perl): somebody else's SMPP 3.4.
#
#   smsc.pl PORT LOG MODE
#
# LOG gets a line of JSON for each thing that happens. MODE is a file that a test may write at any time: a word, and for
# some a number. It is read again for every message:
#   ok            take it                          refuse CODE   answer with that status
#   hang          do not answer                    drop          take it, and drop the line instead of an answer
#   rate N        take N a second, throttle more   receipts      take it and send a receipt
#   closed        (at the bind) wrong password     mute          (at the bind) no answer
# A message with a known user_message_reference, to the same number, is answered like the first one and not sent again.
use strict;
use warnings;
use IO::Select;
use JSON::PP;
use Net::SMPP;
use Time::HiRes qw(time);

my ($port, $log_path, $mode_path) = @ARGV;
$SIG{PIPE} = 'IGNORE';
open(my $log, '>>', $log_path) or die "$log_path: $!";
$log->autoflush(1);
my $json = JSON::PP->new->canonical;
my $listener = Net::SMPP->new_listen('127.0.0.1', port => $port, smpp_version => 0x34, listen => 20, timeout => undef)
    or die "cannot listen: $!";
my $select = IO::Select->new($listener);
my (%known, %outgoing);
my ($number, $second, $in_second) = (0, 0, 0);

sub note { print $log $json->encode({@_}), "\n" }

my ($mode_word, $mode_number, $mode_mtime) = ('ok', 0, '');

sub mode {
    my @stat = stat($mode_path) or return;
    return if "$stat[9] $stat[7] $stat[1]" eq $mode_mtime;    # a test replaces the file: another inode
    $mode_mtime = "$stat[9] $stat[7] $stat[1]";
    open(my $file, '<', $mode_path) or return;
    ($mode_word, $mode_number) = split ' ', (<$file> // 'ok');
    $mode_number //= 0;
}

sub hang_up {
    my ($esme) = @_;
    $select->remove($esme);
    close($esme);
}

sub let_in {
    my ($esme, $pdu) = @_;
    note(event => 'bind', command => $pdu->{cmd}, user => $pdu->{system_id}, password => $pdu->{password});
    return if $mode_word eq 'mute';
    my $status = $mode_word eq 'closed' ? 0x0E : 0;
    my %answer = (system_id => 'SMSC', seq => $pdu->{seq}, status => $status);
    $pdu->{cmd} == 9 ? $esme->bind_transceiver_resp(%answer) : $esme->bind_transmitter_resp(%answer);
}

sub submit {
    my ($esme, $pdu) = @_;
    if ($mode_word eq 'hang') { note(event => 'ignored'); return }
    if ($mode_word eq 'refuse') {
        $esme->submit_sm_resp(message_id => '', seq => $pdu->{seq}, status => $mode_number);
        note(event => 'refused', to => $pdu->{destination_addr});
        return;
    }
    if ($mode_word eq 'rate') {
        my $now = int(time());
        ($second, $in_second) = ($now, 0) if $now != $second;
        if (++$in_second > $mode_number) {
            $esme->submit_sm_resp(message_id => '', seq => $pdu->{seq}, status => 0x58);
            note(event => 'throttled');
            return;
        }
    }
    my $mark = $pdu->{user_message_reference};
    my $key = defined $mark ? join(' ', $pdu->{destination_addr}, unpack('n', $mark)) : '';
    my $id = $known{$key};
    if (defined $id && $key ne '') {
        note(event => 'repeated', to => $pdu->{destination_addr});
    }
    else {
        $id = sprintf('%08x', ++$number);
        $known{$key} = $id if $key ne '';
        note(
            event => 'message', id => $id, at => time(), to => $pdu->{destination_addr}, from => $pdu->{source_addr},
            from_type => $pdu->{source_addr_ton}, coding => $pdu->{data_coding}, class => $pdu->{esm_class},
            validity => $pdu->{validity_period}, receipt => $pdu->{registered_delivery},
            text => unpack('H*', $pdu->{short_message} // ''),
            payload => unpack('H*', $pdu->{message_payload} // ''),
            sar => [ map { defined $_ ? unpack('H*', $_) : () } @{$pdu}{qw(sar_msg_ref_num sar_total_segments sar_segment_seqnum)} ],
            reference => defined $mark ? unpack('n', $mark) : undef,
        );
    }
    if ($mode_word eq 'drop') { hang_up($esme); return }
    $esme->submit_sm_resp(message_id => $id, seq => $pdu->{seq});
    if ($mode_word eq 'receipts') {
        my $state = $pdu->{destination_addr} =~ /9$/ ? 'UNDELIV' : 'DELIVRD';
        $esme->deliver_sm(
            source_addr => $pdu->{destination_addr}, destination_addr => $pdu->{source_addr}, esm_class => 4, async => 1,
            short_message => "id:$id sub:001 dlvrd:001 submit date:2611231200 done date:2611231200 stat:$state err:000 text:",
        );
    }
}

note(event => 'listening');
while (1) {
    for my $ready ($select->can_read()) {
        if ($ready == $listener) {
            my $esme = $listener->accept() or next;
            $esme->set_version(0x34);
            $select->add($esme);
            note(event => 'connected');
            next;
        }
        my $pdu = do { local $SIG{__WARN__} = sub { }; $ready->read_pdu() };
        if (!$pdu) { note(event => 'gone'); hang_up($ready); next }
        mode();
        my $command = $pdu->{cmd};
        if    ($command == 9 || $command == 2) { let_in($ready, $pdu) }
        elsif ($command == 4) { submit($ready, $pdu) }
        elsif ($command == 0x15) { note(event => 'enquired'); $ready->enquire_link_resp(seq => $pdu->{seq}) if $mode_word ne 'hang' }
        elsif ($command == 6) { note(event => 'unbound'); $ready->unbind_resp(seq => $pdu->{seq}); hang_up($ready) }
        elsif ($command == 0x80000005) { note(event => 'receipt taken') }
    }
}
